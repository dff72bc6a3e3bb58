"""A bot on discord.py, which says on standard output what it sees, a JSON object a line.

Usage: python discord-py-bot.py API_URL zlib|zstd
"""

import asyncio
import json
import signal
import sys

api, compression = sys.argv[1:]
if compression == "zlib":
    # discord.py takes zstd whenever this module can be imported.
    sys.modules["zstandard"] = None

import discord  # noqa: E402

discord.http.Route.BASE = f"{api}/v10"


def say(**line):
    print(json.dumps(line), flush=True)


class Bot(discord.AutoShardedClient):
    async def on_ready(self):
        say(saw="ready", d={"guilds": {str(guild.id): len(guild.members) for guild in self.guilds}, "user": self.user.name})

    async def on_shard_resumed(self, shard_id):
        say(saw="resumed", shard=shard_id)

    async def on_message(self, message):
        say(saw="message", d={"content": message.content, "guild": str(message.guild and message.guild.id)})

    async def on_socket_raw_receive(self, text):
        packet = json.loads(text)
        if packet["op"] == 0:
            say(saw="event", t=packet["t"], s=packet["s"])

    async def on_error(self, event, *args, **kwargs):
        say(saw="error", message=f"{event}: {sys.exc_info()[1]!r}")


async def main():
    async with Bot(intents=discord.Intents.all(), enable_debug_events=True) as bot:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(bot.close()))
        await bot.start("simulated")


asyncio.run(main())

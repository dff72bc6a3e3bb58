"""A bot that only speaks REST, on discord.py. Says on standard output what it sees, a JSON object a line.

Usage: python discord-py-rest-bot.py API_URL CHANNEL_ID work|burst|refused
"""

import asyncio
import io
import json
import logging
import sys

import discord

api, channel_id, task = sys.argv[1:]
discord.http.Route.BASE = f"{api}/v10"


def say(saw, **d):
    print(json.dumps({"saw": saw, "d": d}), flush=True)


class Warnings(logging.Handler):
    def emit(self, record):
        say("log", level=record.levelname, message=record.getMessage())


logging.getLogger("discord.http").addHandler(Warnings(logging.WARNING))


async def work(client, channel):
    """Every kind of thing a bot does to a message."""
    message = await channel.send("hello “discord.py” 👍", embed=discord.Embed(title="title", description="text"))
    await message.edit(content="edited")
    await message.add_reaction("👍")
    read = await channel.fetch_message(message.id)
    say("message", content=read.content, embeds=len(read.embeds), reactions=[[r.count, r.me] for r in read.reactions])
    await message.remove_reaction("👍", client.user)
    data = bytes(n % 256 for n in range(100_000))
    upload = await channel.send("a file", file=discord.File(io.BytesIO(data), "bytes.bin", description="bytes"))
    [attachment] = upload.attachments
    async with client.http._HTTPClient__session.get(attachment.url) as answer:
        say("file", whole=await answer.read() == data, description=attachment.description)
    say("history", contents=[m.content async for m in channel.history(limit=2)])
    await message.delete()
    try:
        await channel.fetch_message(message.id)
    except discord.NotFound as error:
        say("error", code=error.code, status=error.status)
    try:
        await channel.send("x" * 2_001)
    except discord.HTTPException as error:
        say("error", code=error.code, text=error.text)


async def burst(client, channel):
    """More than a bucket holds, at once: discord.py waits for the next window."""
    await asyncio.gather(*(channel.send(f"message {n}") for n in range(12)))


async def refused(client, channel):
    """A 429 that it could not foresee: discord.py waits as it says and tries again."""
    await channel.send("after a while")


async def main():
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("simulated")
        channel = await client.fetch_channel(int(channel_id))
        await {"work": work, "burst": burst, "refused": refused}[task](client, channel)
    say("done")


asyncio.run(main())

"""A command handler in Python: prints messages. Any language with a Redis client and MessagePack does it like this.

    pip install -r examples/requirements.txt && python examples/consumer.py [redis://localhost:6379]
"""

import sys

import msgpack
import redis

EVENT, GROUP, CONSUMER = "MESSAGE_CREATE", "python", "worker-1"

client = redis.Redis.from_url(sys.argv[1] if len(sys.argv) > 1 else "redis://localhost:6379", protocol=2)

try:
    # From the oldest event that is kept; "$" would be from now on.
    client.xgroup_create(EVENT, GROUP, id="0", mkstream=True)
except redis.ResponseError as error:
    if "BUSYGROUP" not in str(error):
        raise

while True:
    # What a worker that died left over, then what is new.
    _, left_over, _ = client.xautoclaim(EVENT, GROUP, CONSUMER, min_idle_time=60_000)
    new = client.xreadgroup(GROUP, CONSUMER, {EVENT: ">"}, count=10, block=2_000)
    for entry_id, fields in left_over + [entry for _, entries in new for entry in entries]:
        message = msgpack.unpackb(fields[b"data"])
        print(message["author"]["username"], message["content"], sep=": ", flush=True)
        client.xack(EVENT, GROUP, entry_id)

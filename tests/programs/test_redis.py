"""redis-py's asyncio client, unmodified, on the loop under test, with a Redis of its own."""

import asyncio

import pytest
import redis.asyncio as redis
from redis.exceptions import ConnectionError, ResponseError

from ..support import differential


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request, redis_process):
    return lambda **options: redis.Redis(port=redis_process.port, protocol=request.param, **options)


def test_commands(client):
    async def scenario(loop, log):
        async with client() as r:
            await r.flushdb()
            log(await r.set("key", "value"), await r.get("key"), await r.get("missing"))
            log(await r.rpush("list", *range(100)), len(await r.lrange("list", 0, -1)))
            log(await r.hset("hash", mapping={"a": 1, "b": "two"}), await r.hgetall("hash"))
            big = bytes(range(256)) * 8000
            await r.set("big", big)
            log(await r.get("big") == big)
            try:
                await r.lpush("key", 1)
            except ResponseError as error:
                log(str(error))
            log(
                sorted(await asyncio.gather(*[r.incr("counter") for _ in range(80)]))
                == list(range(1, 81))
            )
            log(await r.get("counter"))

    differential(scenario)


def test_pipeline(client):
    async def scenario(loop, log):
        async with client() as r:
            await r.flushdb()
            async with r.pipeline(transaction=True) as pipe:
                for i in range(500):
                    pipe.set(f"k{i}", i).get(f"k{i}")
                results = await pipe.execute()
            log(len(results), results[-1], results[1])
            async with r.pipeline(transaction=False) as pipe:
                pipe.set("a", 1).lpush("a", 2).get("a")
                log(await pipe.execute(raise_on_error=False))
            async with r.pipeline() as pipe:
                await pipe.watch("a")
                await r.set("a", "changed")
                pipe.multi()
                pipe.set("a", "mine")
                try:
                    await pipe.execute()
                except redis.WatchError as error:
                    log(type(error).__name__)

    differential(scenario)


def test_pubsub(client):
    async def scenario(loop, log):
        async with client() as r, r.pubsub() as pubsub:
            await pubsub.subscribe("one")
            await pubsub.psubscribe("pattern.*")
            got = []

            async def reader():
                async for message in pubsub.listen():
                    got.append((message["type"], message["channel"], message["data"]))
                    if message["data"] == b"end":
                        return

            task = asyncio.ensure_future(reader())
            while len(got) < 2:
                await asyncio.sleep(0.001)
            for i in range(50):
                await r.publish("one", f"message {i}")
            await r.publish("pattern.x", "matched")
            await r.publish("one", "end")
            await asyncio.wait_for(task, 5)
            log(*got)

    differential(scenario)


def test_blocking_commands_and_cancellation(client):
    async def scenario(loop, log):
        async with client() as r:
            await r.flushdb()
            waiting = asyncio.ensure_future(r.blpop("queue", timeout=5))
            await asyncio.sleep(0.02)
            await r.rpush("queue", "job")
            log(await waiting)
            waiting = asyncio.ensure_future(r.blpop("queue", timeout=5))
            await asyncio.sleep(0.02)
            waiting.cancel()
            try:
                await waiting
            except asyncio.CancelledError:
                log("cancelled")
            log(await r.ping())

    differential(scenario)


def test_lost_and_refused_connections(client, redis_process):
    async def scenario(loop, log):
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        async with client(retry=Retry(NoBackoff(), 0)) as r, client() as other:
            pubsub = r.pubsub()
            await pubsub.subscribe("x")
            await pubsub.get_message(timeout=1)
            await other.client_kill_filter(_type="pubsub")
            try:
                await pubsub.connection.read_response()
            except ConnectionError as error:
                log(type(error).__name__)
            await pubsub.aclose()
        async with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as r:
            try:
                await r.ping()
            except ConnectionError as error:
                log(type(error).__name__)

    differential(scenario)

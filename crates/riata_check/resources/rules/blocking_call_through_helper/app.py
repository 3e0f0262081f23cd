import asyncio
import io
import queue
import ssl
import threading
import time
from typing import Any

import helpers
from helpers import Client, items, load, opened


def pause():
    time.sleep(1)


def twice():
    pause()


async def through_two():
    twice()  # error: RIA102


async def in_another_module():
    return load("x")  # error: RIA102


async def method():
    client = Client()  # error: RIA102
    client.fetch()  # error: RIA102
    return client.latest  # error: RIA102


async def context():
    with opened():  # error: RIA102
        pass


async def iterated():
    generator = items()
    for item in items():  # error: RIA102
        print(item)
    return generator


async def in_a_thread():
    await asyncio.to_thread(twice)
    await asyncio.get_running_loop().run_in_executor(None, lambda: twice())


def only_outside_the_loop():
    if threading.current_thread() is threading.main_thread():
        raise RuntimeError
    time.sleep(1)


async def guarded():
    only_outside_the_loop()


def told():  # riata: does-not-block
    time.sleep(0)


def said():  # riata: blocks
    ...


async def marked():
    told()
    said()  # error: RIA102


def recursive(n):
    if n:
        mutual(n - 1)


def mutual(n):
    recursive(n)
    time.sleep(n)


async def cycles():
    recursive(3)  # error: RIA102


async def ways(context: ssl.SSLContext, data: bytes, items: queue.Queue):
    helpers.connect()  # error: RIA102
    helpers.connect(None)  # error: RIA102
    helpers.connect(context)
    helpers.start()  # error: RIA102
    helpers.start(wait=False)
    helpers.start(False)
    helpers.read("x")  # error: RIA102
    helpers.read(io.BytesIO(data))
    helpers.plainly_decorated()  # error: RIA102
    helpers.decorated()
    helpers.next_item(items)  # error: RIA102
    helpers.version()  # error: RIA102


async def not_empty(items: queue.Queue):
    while items.empty():
        await asyncio.sleep(1)
    return helpers.next_item(items)


async def given(cache, pool):
    helpers.cached(cache, "token", lambda: load("token"))  # error: RIA102
    helpers.cached(cache, "token", make=twice)  # error: RIA102
    helpers.cached(cache, "token", lambda: 1)
    helpers.in_thread(pool, lambda: load("token"))
    helpers.later(twice)
    await helpers.retried(twice)  # error: RIA102
    await helpers.retried(lambda: 1)
    await helpers.awaited(lambda: asyncio.to_thread(twice))


async def through_a_protocol(adapter: helpers.Adapter, memory: helpers.Memory):
    adapter.execute("rows")  # error: RIA102
    adapter.tables()
    await asyncio.to_thread(adapter.execute, "rows")
    memory.get("row")


async def through_a_session(store: helpers.Store):
    store.delete("row")  # error: RIA102
    await asyncio.to_thread(store.delete, "row")


class Shop:
    def __init__(self, price_client, session):
        self.price_client = price_client
        self.session = session

    async def price(self, name):
        self.price_client.known(name)
        # One word may mean anything.
        self.session.latest(name)
        return self.price_client.latest(name)  # error: RIA102


async def by_its_name(price_client: Any, other_client):
    price_client.latest("bread")  # error: RIA102
    other_client.latest("bread")
    price_client = other_client()
    price_client.fresh("bread")

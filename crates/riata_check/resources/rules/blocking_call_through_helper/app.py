import asyncio
import concurrent.futures
import io
import queue
import ssl
import threading
import time
from typing import Any

import deep
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


async def messages(raw: bytes, image: helpers.Image):
    helpers.Message("text")
    helpers.Message(f"{raw}")
    helpers.Message(raw.decode())
    helpers.Message(image)  # error: RIA102


async def tries():
    helpers.once()
    helpers.again()  # error: RIA102
    helpers.try_again(0)
    helpers.try_again(1)  # error: RIA102


async def twins(
    either: helpers.AsyncConnection | helpers.SyncConnection, one: helpers.SyncConnection
):
    helpers.address(either)
    helpers.address_of(one)  # error: RIA102
    await either.fetch()
    one.fetch()  # error: RIA102


async def where_it_runs(cluster: helpers.Cluster):
    cluster.close()
    cluster.stop()  # error: RIA102


async def after_errors(action):
    helpers.careful(action)
    helpers.stubborn(action)  # error: RIA102


async def choice(path, size):
    if size < 4096:
        data = load(path)
    else:
        data = await asyncio.to_thread(load, path)
    return data


async def no_choice(path):
    await asyncio.to_thread(load, path)
    return load(path)  # error: RIA102


async def left_at_the_default(settings):
    helpers.serve(**settings)
    helpers.serve_three(**settings)  # error: RIA102
    helpers.serve(version=settings.version)  # error: RIA102


async def loaded_before(path, other):
    if path:
        path = await asyncio.to_thread(helpers.once, path)
    helpers.read(path)
    helpers.read(other)  # error: RIA102


async def outcomes(one: concurrent.futures.Future):
    helpers.outcome_now(one)
    helpers.outcome_some_day(one)  # error: RIA102


async def own_addresses(host):
    helpers.own_address(host)
    helpers.address_again(host)  # error: RIA102


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


async def same_name(sheet: helpers.Sheet):
    sheet.turn()


async def deep_down():
    deep.step_0()  # error: RIA102


async def overridden(resolver: helpers.Resolver):
    resolver.close()
    resolver.resolve()  # error: RIA102

import asyncio

import aiohttp


async def price(symbol):
    await asyncio.sleep(0.1)
    return symbol


async def fetch(session: aiohttp.ClientSession, url):
    async with session.get(url) as response:
        return await response.text()


async def comprehension(symbols):
    return [await price(symbol) for symbol in symbols]  # error: RIA404


async def into_a_dict(symbols):
    found = {symbol: await price(symbol) for symbol in symbols}  # error: RIA404
    pairs = [(symbol, await price(symbol)) for symbol in symbols]  # error: RIA404
    return found, pairs


async def a_session_that_serves_many(urls):
    async with aiohttp.ClientSession() as session:
        return [await fetch(session, url) for url in urls]  # error: RIA404


async def a_loop_that_collects(symbols):
    prices = []
    for symbol in symbols:
        prices.append(await price(symbol))  # error: RIA404
    others = []
    for symbol in symbols:
        other = await price(symbol)  # error: RIA404
        others.append(other)
    return prices, others


async def started_before(symbols):
    tasks = [asyncio.create_task(price(symbol)) for symbol in symbols]
    return [await task for task in tasks]


async def with_a_bound(tasks):
    return [await asyncio.wait_for(task, 5) for task in tasks]


async def in_gather(symbols):
    return await asyncio.gather(*[await price(symbol) for symbol in symbols])


async def parts_of_a_stream(reader: asyncio.StreamReader, lengths):
    return [await reader.readexactly(length) for length in lengths]


async def from_a_queue(queue: asyncio.Queue, count):
    return [await queue.get() for _ in range(count)]


async def one_session(session, keys):
    return [await session.get(key) for key in keys]


async def one_connection_given_on(connection, keys):
    return [await load(connection, key) for key in keys]


async def load(connection, key):
    return await connection.fetch("select 1", key)


class Device:
    def __init__(self):
        self._lock = asyncio.Lock()

    async def register(self, number):
        async with self._lock:
            await asyncio.sleep(0)
            return number

    async def registers(self):
        return [await self.register(number) for number in range(8)]


async def under_a_lock(lock, symbols):
    async with lock:
        return [await price(symbol) for symbol in symbols]


async def async_items(symbols):
    return [await price(symbol) async for symbol in symbols]


async def nothing_of_the_item(count):
    return [await price("one") for _ in range(count)]


async def never_waits(value):
    return value


async def seldom_waits(value):
    if value is None:
        await asyncio.sleep(0.1)
    return value


async def asks_nobody(value):
    return await value.translated()


async def asks_somebody(client, value):
    await client.fetch(value)


async def gain(client, values):
    return [await asks_somebody(client.copy(), value) for value in values]  # error: RIA404


async def small_gain(values):
    return [
        [await seldom_waits(value) for value in values],
        [await asks_nobody(value) for value in values],
    ]


async def no_gain(values):
    return [await never_waits(value) for value in values]


async def carried_over(symbols):
    last = None
    for symbol in symbols:
        last = await price((symbol, last))
    return last


async def with_more_in_the_loop(symbols):
    found = []
    for symbol in symbols:
        found.append(await price(symbol))
        if len(found) > 3:
            break
    return found

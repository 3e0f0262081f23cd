import asyncio


async def rows():
    for number in range(3):
        await asyncio.sleep(0)
        yield number


async def buffered():
    for row in [row async for row in rows()]:  # error: RIA405
        print(row)


async def changes_what_is_read(store):
    for key in [key async for key in store.keys()]:
        await store.delete(key)


async def kept():
    found = [row async for row in rows()]
    for row in found:
        print(row)
    return found


async def direct():
    async for row in rows():
        print(row)


async def selected():
    for row in [row async for row in rows() if row]:
        print(row)


async def sorted_first():
    for row in sorted([row async for row in rows()]):
        print(row)

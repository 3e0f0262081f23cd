import asyncio


async def fetch(url):
    await asyncio.sleep(1)
    return url


async def page(cursor):
    await asyncio.sleep(1)
    return cursor


async def processed(urls):
    for url in urls:
        data = await fetch(url)  # error: RIA410
        if data is None:
            break
        print(data)


async def gathered_for_each(files):
    whole = {}
    for name, urls in files.items():
        tasks = [fetch(url) for url in urls]
        whole[name] = "".join(await asyncio.gather(*tasks))  # error: RIA410
    return whole


async def made_of_the_item(names):
    for name in names:
        url = f"https://example.org/{name}"
        try:
            await fetch(url)  # error: RIA410
        except ValueError:
            continue


async def nested(days, names):
    for day in days:
        for name in names:
            data = await fetch((day, name))  # error: RIA410
            print(data)


async def tried_again(url):
    for _ in range(3):
        await fetch(url)


async def carried(pages):
    cursor = None
    for number in pages:
        cursor = await page((cursor, number))
    return cursor


async def in_order(writer, lines):
    for line in lines:
        await writer.write(line)


async def waited_for(tasks):
    for task in tasks:
        await task


async def one_at_a_time(urls, lock):
    for url in urls:
        async with lock:
            print(await fetch(url))


async def streamed(urls):
    async for url in urls:
        print(await fetch(url))


async def together(urls):
    return await asyncio.gather(*[fetch(url) for url in urls])


# The other rule reports it.
async def collected(urls):
    results = []
    for url in urls:
        results.append(await fetch(url))
    return results

"""What asyncio.gather gets."""

import asyncio


async def fetch(url: str) -> str:
    return url


def plain(url: str) -> str:
    return url


async def wrong(urls):
    await asyncio.gather([fetch(url) for url in urls])  # error: RIA206
    await asyncio.gather(fetch(url) for url in urls)  # error: RIA206
    found = []
    for url in urls:
        found.append(fetch(url))
    await asyncio.gather(found)  # error: RIA206
    await asyncio.gather(
        await (  # error: RIA206
            fetch("a")  # The first.
        ),
        fetch("b"),
    )
    await asyncio.gather(*[await fetch(url) for url in urls])  # error: RIA206
    results = [await fetch(url) for url in urls]  # error: RIA206
    await asyncio.gather(*results)
    await asyncio.gather(
        await fetch("a"),  # error: RIA206
        fetch("b"),
    )
    await asyncio.gather(fetch("a"), plain("b"))  # error: RIA206
    await asyncio.gather(*(await fetch(url) for url in urls))  # error: RIA206


async def fine(urls, unknown, start):
    await asyncio.gather(*[fetch(url) for url in urls])
    await asyncio.gather(*(fetch(url) for url in urls), return_exceptions=True)
    await asyncio.gather(fetch("a"), asyncio.create_task(fetch("b")))
    await asyncio.gather(unknown, unknown(), *unknown)
    await asyncio.gather(await start.create_worker())
    tasks = [asyncio.create_task(fetch(url)) for url in urls]
    await asyncio.gather(*tasks)
    return {"gather": [await fetch(url) for url in urls]}

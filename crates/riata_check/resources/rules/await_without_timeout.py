import asyncio


async def version(host):
    reader, writer = await asyncio.open_connection(host, 80)
    return await reader.readline()


async def versions(hosts):
    return [await version(host) for host in hosts]


async def in_time(hosts):
    async with asyncio.timeout(10):
        return await versions(hosts)


async def waited_for(host):
    return await asyncio.wait_for(version(host), 10)


async def run(command):
    process = await asyncio.create_subprocess_exec(command)
    await process.wait()


async def follow(reader: asyncio.StreamReader):
    while True:
        print(await reader.readline())


@app.get("/")
async def handler(request):  # error: RIA501
    return await version(request.host)


@app.get("/in-time")
async def handler_in_time(request):
    return await waited_for(request.host)


async def start(reader):
    tasks = [
        asyncio.create_task(versions([])),  # error: RIA501
        asyncio.create_task(run("true")),  # error: RIA501
        asyncio.create_task(in_time([])),
        asyncio.create_task(waited_for("one")),
        asyncio.create_task(follow(reader)),
    ]
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(version("example.org"))  # error: RIA501
    asyncio.run(waited_for("example.org"))

import asyncio


async def ask(server):
    await asyncio.sleep(1)
    return server


async def first_of(servers):
    tasks = [asyncio.create_task(ask(server)) for server in servers]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # error: RIA406
    return done.pop().result()


async def expected_to_raise(servers):
    tasks = [asyncio.create_task(ask(server)) for server in servers]
    try:
        await asyncio.wait(tasks, timeout=len(tasks) * 5.0)  # error: RIA406
    except asyncio.TimeoutError:
        print("too late")


async def two(first, second):
    one = asyncio.create_task(ask(first))
    other = asyncio.create_task(ask(second))
    done, pending = await asyncio.wait({one, other}, timeout=1)  # error: RIA406
    return done


async def put_in_one_by_one(servers):
    tasks = set()
    for server in servers:
        tasks.add(asyncio.create_task(ask(server)))
    await asyncio.wait(tasks, timeout=1)  # error: RIA406


async def made_inline(servers):
    await asyncio.wait([asyncio.create_task(ask(server)) for server in servers], timeout=1)  # error: RIA406


async def cancelled(servers):
    tasks = [asyncio.create_task(ask(server)) for server in servers]
    done, pending = await asyncio.wait(tasks, timeout=1)
    for task in pending:
        task.cancel()
    return done


async def all_of_them(servers):
    tasks = [asyncio.create_task(ask(server)) for server in servers]
    done, _ = await asyncio.wait(tasks)
    return done


async def looked_at(server):
    task = asyncio.create_task(ask(server))
    await asyncio.wait([task], timeout=1)
    if not task.done():
        task.cancel()


async def somebody_elses(tasks):
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return done


async def in_turn(servers):
    pending = [asyncio.create_task(ask(server)) for server in servers]
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)


class Server:
    async def run(self):
        task = asyncio.create_task(ask("one"))
        self.tasks.add(task)
        await asyncio.wait([task], timeout=1)

    async def stop(self):
        task = asyncio.create_task(ask("one"))
        await asyncio.wait([task], timeout=1)


async def only_the_first():
    return await next(asyncio.as_completed([asyncio.sleep(1), asyncio.sleep(2)]))  # error: RIA406


async def only_the_first_of(tasks):
    return await next(asyncio.as_completed(tasks))


async def all_of_them(calls):
    for done in asyncio.as_completed([call() for call in calls]):
        await done

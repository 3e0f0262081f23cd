import asyncio


async def notify(user):
    await asyncio.sleep(0)
    return user


async def notify_and_log(user):
    try:
        await asyncio.sleep(0)
    except Exception as error:
        print(error)


async def dropped(users):
    await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)  # error: RIA402
    await asyncio.gather(notify("one"), notify("two"), return_exceptions=True)  # error: RIA402


async def kept_and_never_read(users):
    calls = []
    for user in users:
        calls.append(notify(user))
    results = await asyncio.gather(*calls, return_exceptions=True)  # error: RIA402
    print("done")


async def read(users):
    results = await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)
    for result in await asyncio.gather(*map(notify, users), return_exceptions=True):
        print(result)
    return [result for result in results if isinstance(result, BaseException)]


async def raises(users):
    await asyncio.gather(*[notify(user) for user in users])


async def after_cancelling(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def looked_at_by_task(users):
    tasks = [asyncio.create_task(notify(user)) for user in users]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks if not task.exception()]


async def stop_all(users):
    await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)


async def at_the_end(users):
    try:
        await asyncio.sleep(1)
    finally:
        await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)


async def said_to_be_ignored(users):
    _ = await asyncio.gather(*[notify(user) for user in users], return_exceptions=True)


async def handled_inside(users):
    await asyncio.gather(*[notify_and_log(user) for user in users], return_exceptions=True)


class Server:
    async def wait(self):
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def tasks_that_nobody_looks_at(users):
    tasks = [asyncio.create_task(notify(user)) for user in users]
    await asyncio.gather(*tasks, return_exceptions=True)  # error: RIA402


async def translated_but_raised(user):
    try:
        await notify(user)
    except Exception as error:
        raise RuntimeError(user) from error


async def still_lost(users):
    await asyncio.gather(*[translated_but_raised(user) for user in users], return_exceptions=True)  # error: RIA402

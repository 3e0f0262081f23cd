import asyncio

tasks = set()


async def work():
    await asyncio.sleep(1)


async def lost():
    task = asyncio.create_task(work())
    return await asyncio.shield(task)  # error: RIA609


async def lost_with_callback():
    task = asyncio.create_task(work())
    try:
        return await asyncio.shield(task)  # error: RIA609
    except asyncio.CancelledError:
        task.add_done_callback(print)
        raise


async def kept():
    task = asyncio.create_task(work())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return await asyncio.shield(task)


async def waited_for():
    task = asyncio.create_task(work())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def of_a_caller(task):
    return await asyncio.shield(task)


async def made_by_shield():
    await asyncio.shield(work())  # error: RIA609


async def started_in_shield():
    return await asyncio.wait_for(asyncio.shield(asyncio.create_task(work())), 1)  # error: RIA609


async def shielded_clean_up():
    try:
        await work()
    finally:
        await asyncio.shield(work())


async def ended_when_cancelled(run):
    try:
        return await asyncio.shield(run.start())
    except asyncio.CancelledError:
        await run.stop()
        raise


async def ended_by_itself(run):
    try:
        await asyncio.shield(work())
    except asyncio.CancelledError:
        await run.stop()
        raise


async def given(awaitable):
    await asyncio.shield(awaitable)


class Process:
    def __init__(self):
        self._exited = asyncio.Event()
        self._done = asyncio.get_running_loop().create_future()

    async def wait_for_exit(self):
        await self._done

    async def wait(self):
        # The future keeps whoever waits for it.
        await asyncio.shield(self.wait_for_exit())

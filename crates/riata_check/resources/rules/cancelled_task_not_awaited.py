import asyncio


async def work():
    await asyncio.sleep(1)


class Client:
    def __init__(self):
        self._reader = None
        self._tasks = set()

    async def open(self):
        self._reader = asyncio.create_task(work())

    async def close(self):
        if self._reader is not None:
            self._reader.cancel()  # error: RIA613
        await work()

    async def close_and_wait(self):
        self._reader.cancel()
        await asyncio.wait([self._reader])

    async def close_and_await(self):
        self._reader.cancel()
        try:
            await self._reader
        except asyncio.CancelledError:
            pass

    def close_now(self):
        self._reader.cancel()

    async def handle(self, scope):
        scope.cancel()
        await work()


async def raced(first, second):
    one = asyncio.create_task(first)
    two = asyncio.create_task(second)
    done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()  # error: RIA613
    return done.pop().result()


async def raced_and_waited(first, second):
    one = asyncio.create_task(first)
    two = asyncio.create_task(second)
    done, pending = await asyncio.wait([one, two], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return done.pop().result()


async def made_here():
    task = asyncio.create_task(work())
    await work()
    task.cancel()  # error: RIA613


async def made_here_and_waited():
    task = asyncio.create_task(work())
    await work()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def handed_on(keep):
    task = asyncio.create_task(work())
    task.cancel()
    keep(task)

import asyncio
from contextlib import suppress


async def work():
    await asyncio.sleep(1)


class Service:
    def __init__(self):
        self._task = asyncio.ensure_future(work())

    async def wait(self):
        with suppress(asyncio.CancelledError):  # error: RIA602
            await self._task

    async def wait_by_hand(self):
        try:
            await self._task
        except asyncio.CancelledError:  # error: RIA602
            pass

    async def start(self):
        try:
            await self._task
        except asyncio.CancelledError:
            pass

    async def start_again(self):
        try:
            await self._task
        except asyncio.CancelledError:  # error: RIA602
            pass
        await work()

    async def close(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError):  # error: RIA602
            await self._task
        await work()

    async def close_all(self, tasks):
        for task in tasks:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:  # error: RIA602
                pass

    async def restart(self):
        while True:
            self._task.cancel()
            try:
                await asyncio.wait_for(self._task, 1)
            except (asyncio.CancelledError, asyncio.TimeoutError):  # error: RIA602
                pass

    async def close_and_end(self):
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def asks(self):
        self._task.cancel()
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._task.cancelled():
                raise
        await work()

    async def waits(self):
        self._task.cancel()
        await asyncio.wait([self._task])
        await work()

    async def done_before(self, tasks):
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await work()

    async def cleans_up(self):
        try:
            await work()
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await work()

    async def drains(self):
        try:
            await asyncio.shield(self._task)
        except asyncio.CancelledError:
            while not self._task.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(self._task)
            raise

    async def passes_on(self):
        try:
            await self._task
        except asyncio.CancelledError:
            print("cancelled")
            raise


class Connection:
    def __init__(self, transfer):
        self.transfer = transfer
        self.closing = asyncio.create_task(self.close_connection())

    async def close_connection(self):
        try:
            await self.transfer
        except asyncio.CancelledError:
            pass
        await work()

    async def report_connection(self):
        try:
            await self.transfer
        except asyncio.CancelledError:  # error: RIA602
            pass
        await work()

import asyncio


async def work():
    await asyncio.sleep(1)


class Saver:
    def __init__(self):
        self.changed = asyncio.Event()
        self._lock = asyncio.Lock()

    def change(self):
        self.changed.set()

    async def run(self):
        while True:
            await self.changed.wait()
            await work()
            self.changed.clear()  # error: RIA705

    async def run_with_timeout(self):
        while True:
            try:
                await asyncio.wait_for(self.changed.wait(), 1)
            except asyncio.TimeoutError:
                await work()
            finally:
                self.changed.clear()  # error: RIA705

    async def run_well(self):
        while True:
            await self.changed.wait()
            self.changed.clear()
            await work()

    async def run_well_with_timeout(self):
        while True:
            try:
                await asyncio.wait_for(self.changed.wait(), 1)
                self.changed.clear()
            except asyncio.TimeoutError:
                await work()

    async def cleared_before(self):
        self.changed.clear()
        await work()
        await self.changed.wait()

    async def of_a_set(self, items):
        await self.changed.wait()
        await work()
        items.clear()

    async def gate(self):
        await self.changed.wait()
        await work()
        self.changed.clear()
        await work()
        self.changed.set()

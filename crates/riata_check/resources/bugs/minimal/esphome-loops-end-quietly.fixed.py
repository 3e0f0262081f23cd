import asyncio


class Monitor:
    def __init__(self, devices):
        self._devices = devices
        self._queue = asyncio.Queue()
        self._tasks = []

    def start(self):
        self._tasks = [
            asyncio.create_task(self._ping_loop()),
            asyncio.create_task(self._runner()),
        ]

    async def stop(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ping_loop(self):
        while True:
            for device in self._devices:
                device.seen = await device.ping()
            await asyncio.sleep(10)

    async def _runner(self):
        while True:
            job = await self._queue.get()
            await job.run()

import asyncio
import threading

from box import jobs


class Scheduler(threading.Thread):
    def __init__(self, session):
        super().__init__(name="scheduler")
        self.session = session

    def run(self):
        asyncio.run(self._run())

    async def _run(self):
        while True:
            for schedule in await jobs.list_schedules(self.session):
                print(schedule)
            await asyncio.sleep(60)

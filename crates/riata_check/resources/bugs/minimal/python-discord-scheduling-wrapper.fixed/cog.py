import asyncio

from scheduling import create_task


class Reminders:
    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.pending: list[float] = []

    async def load(self) -> None:
        create_task(self.reschedule())
        self.ready.set()

    async def reschedule(self) -> None:
        for delay in self.pending:
            await asyncio.sleep(delay)

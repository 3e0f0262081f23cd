import asyncio

from backend import Window


class App:
    def __init__(self) -> None:
        self.window = Window(closed=self.on_exit)  # bug

    async def on_exit(self) -> bool:
        await self.save()
        return True

    async def save(self) -> None:
        await asyncio.sleep(0)

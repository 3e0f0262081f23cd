import asyncio

from backend import Window


class App:
    def __init__(self) -> None:
        self._exit: asyncio.Task[None] | None = None
        self.window = Window(closed=self._closed)

    def _closed(self) -> bool:
        self._exit = asyncio.get_running_loop().create_task(self.on_exit())
        return False

    async def on_exit(self) -> None:
        await self.save()
        self.window.destroy()

    async def save(self) -> None:
        await asyncio.sleep(0)

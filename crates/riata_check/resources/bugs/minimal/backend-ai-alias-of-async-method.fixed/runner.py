from manager import AsyncManager


class Runner:
    def __init__(self) -> None:
        self.manager: AsyncManager | None = None

    async def shut_down(self) -> str:
        if self.manager and await self.manager.is_alive():
            return "stopped"
        return "was not running"

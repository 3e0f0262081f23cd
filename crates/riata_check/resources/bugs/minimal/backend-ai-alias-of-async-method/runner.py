from manager import AsyncManager


class Runner:
    def __init__(self) -> None:
        self.manager: AsyncManager | None = None

    async def shut_down(self) -> str:
        if self.manager and self.manager.is_alive():  # bug
            return "stopped"
        return "was not running"

"""The command line of a small scheduler."""

import asyncio
import signal
import sys


class Cron:
    def __init__(self) -> None:
        self._stop = asyncio.Event()

    async def run(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.signal_shutdown)
        await self._stop.wait()

    def signal_shutdown(self) -> None:
        self._stop.set()


async def scheduled() -> None:
    await Cron().run()


def main() -> None:
    if len(sys.argv) > 1:
        raise SystemExit("no arguments are expected")
    asyncio.run(scheduled())


if __name__ == "__main__":
    main()

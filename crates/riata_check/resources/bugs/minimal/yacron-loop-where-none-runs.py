"""The command line of a small scheduler."""

import asyncio
import signal
import sys


class Cron:
    def __init__(self) -> None:
        self._stop = asyncio.Event()

    async def run(self) -> None:
        await self._stop.wait()

    def signal_shutdown(self) -> None:
        self._stop.set()


def main() -> None:
    if len(sys.argv) > 1:
        raise SystemExit("no arguments are expected")
    loop = asyncio.get_event_loop()  # bug
    cron = Cron()
    loop.add_signal_handler(signal.SIGTERM, cron.signal_shutdown)
    try:
        loop.run_until_complete(cron.run())
    finally:
        loop.close()


if __name__ == "__main__":
    main()

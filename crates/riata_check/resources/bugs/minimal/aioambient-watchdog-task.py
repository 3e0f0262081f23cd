import asyncio


class Watchdog:
    def __init__(self, action, timeout):
        self._action = action
        self._timeout = timeout
        self._loop = asyncio.get_event_loop()
        self._timer = None

    async def on_expire(self):
        await self._action()

    async def trigger(self):
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(
            self._timeout,
            lambda: asyncio.create_task(self.on_expire()),  # bug
        )

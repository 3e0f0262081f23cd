import asyncio


class Watchdog:
    def __init__(self, action, timeout):
        self._action = action
        self._timeout = timeout
        self._loop = asyncio.get_event_loop()
        self._timer = None
        self._task = None

    async def on_expire(self):
        await self._action()

    def _start(self):
        self._task = asyncio.create_task(self.on_expire())

    async def trigger(self):
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._timeout, self._start)

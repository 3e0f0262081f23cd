"""asyncio's loop with one promise broken, to see that the suite sees it."""

import asyncio


class EventLoop(asyncio.SelectorEventLoop):
    def call_soon(self, callback, *args, context=None):
        handle = super().call_soon(callback, *args, context=context)
        self._ready.rotate(1)  # the newest comes first
        return handle


def new_event_loop() -> asyncio.AbstractEventLoop:
    return EventLoop()

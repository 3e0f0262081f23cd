"""The one place where riata makes loops."""

import asyncio

from riata.switch import switched_off

__all__ = ["new_event_loop"]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: riata's, or asyncio's where `RIATA_LOOP=asyncio` says so.

    The loop belongs to the thread that runs it; the caller closes it.

    Raises:
        RuntimeError: `RIATA_LOOP` has a value that is not known.
    Mirrors: `asyncio.new_event_loop`.
    """
    if switched_off():
        return asyncio.SelectorEventLoop()
    from riata.event_loop import EventLoop

    return EventLoop()

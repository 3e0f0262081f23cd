"""`as_completed`: asyncio's own of this Python over a native queue of those that are done."""

import asyncio
import sys
from asyncio import as_completed
from types import SimpleNamespace
from typing import TYPE_CHECKING

from riata._riata import Queue
from riata.borrowed import with_globals
from riata.chains import stand_for
from riata.exceptions import TimeoutError

__all__ = ["as_completed"]

if not TYPE_CHECKING:
    if sys.version_info >= (3, 13):
        _asyncios = asyncio.tasks._AsCompletedIterator

        class _AsCompletedIterator(_asyncios):
            _asyncios_init = with_globals(_asyncios.__init__, queues=SimpleNamespace(Queue=Queue))

            def __init__(self, aws, timeout):
                self._asyncios_init(aws, timeout)
                stand_for(self._done, "as_completed", held_by=self._todo)

        as_completed = with_globals(as_completed, _AsCompletedIterator=_AsCompletedIterator)
    else:

        def as_completed(fs, *, timeout=None):
            """Mirrors asyncio's, which looks its queue up where a copy of it could not say another one."""
            if asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
                raise TypeError(f"expect an iterable of futures, not {type(fs).__name__}")
            loop = _get_event_loop()
            done = Queue()
            pending = {asyncio.ensure_future(awaitable, loop=loop) for awaitable in set(fs)}
            stand_for(done, "as_completed", held_by=pending)
            timer = None

            def ended(future):
                if not pending:  # the time was over
                    return
                pending.remove(future)
                done.put_nowait(future)
                if timer is not None and not pending:
                    timer.cancel()

            def expired():
                for future in pending:
                    future.remove_done_callback(ended)
                    done.put_nowait(None)
                pending.clear()

            async def _wait_for_one():
                future = await done.get()
                if future is None:
                    raise TimeoutError
                return future.result()

            for future in pending:
                future.add_done_callback(ended)
            if pending and timeout is not None:
                timer = loop.call_later(timeout, expired)
            for _ in range(len(pending)):
                yield _wait_for_one()

        # 3.10 has one that warns of who asks without a loop.
        _get_event_loop = getattr(asyncio.events, "_get_event_loop", asyncio.get_event_loop)

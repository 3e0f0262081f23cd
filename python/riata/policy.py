"""An event loop policy that makes riata's loops, for programs that set one. Gone where Python has no policies."""

import asyncio
import sys
from typing import TYPE_CHECKING

from riata.factory import new_event_loop

__all__ = ["EventLoopPolicy"]

if TYPE_CHECKING or sys.version_info < (3, 14):
    _DefaultEventLoopPolicy = asyncio.DefaultEventLoopPolicy
else:
    # asyncio's public name warns on 3.14 and later; whoever installs a policy hears that from asyncio.
    from asyncio.unix_events import _DefaultEventLoopPolicy


class EventLoopPolicy(_DefaultEventLoopPolicy):
    """asyncio's default policy with riata's loops: child watchers and the loop of each thread are as there."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a new event loop. Mirrors: `asyncio.DefaultEventLoopPolicy.new_event_loop`."""
        return new_event_loop()

"""A loop that is slower than asyncio's on purpose, for the harness to find out."""

import asyncio
import time
from typing import Any

WASTE_NS = 20_000


class SlowLoop(asyncio.SelectorEventLoop):
    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:
        end = time.process_time_ns() + WASTE_NS
        while time.process_time_ns() < end:
            pass
        return super().call_soon(callback, *args, context=context)

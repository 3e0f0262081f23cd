"""`as_completed`: asyncio's own, which on 3.10 raises a TimeoutError that is not Python's."""

import asyncio
import sys
from asyncio import as_completed
from types import SimpleNamespace

from riata.borrowed import with_globals
from riata.exceptions import TimeoutError

__all__ = ["as_completed"]

if sys.version_info < (3, 11):
    _names = {**vars(asyncio.exceptions), "TimeoutError": TimeoutError}
    as_completed = with_globals(as_completed, exceptions=SimpleNamespace(**_names))

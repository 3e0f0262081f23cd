"""Production-grade async Python, powered by Rust: asyncio programs, unchanged, on a faster event loop.

    import riata

    riata.run(main())

Names are loaded on first use, so that importing the package costs nothing and changes nothing: not even
asyncio is imported. Only re-exports live here; each name has its home in the table below.
"""

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from riata._riata import Future as Future
    from riata._riata import Task as Task
    from riata._riata import __version__ as __version__
    from riata.event_loop import EventLoop as EventLoop
    from riata.factory import new_event_loop as new_event_loop
    from riata.runner import run as run
    from riata.takeover import install as install
    from riata.takeover import uninstall as uninstall

    if sys.version_info < (3, 16):
        from riata.policy import EventLoopPolicy as EventLoopPolicy

__all__ = [
    "EventLoop",
    "Future",
    "Task",
    "__version__",
    "install",
    "new_event_loop",
    "run",
    "uninstall",
]

_homes = {
    "EventLoop": "riata.event_loop",
    "Future": "riata._riata",
    "Task": "riata._riata",
    "__version__": "riata._riata",
    "install": "riata.takeover",
    "new_event_loop": "riata.factory",
    "run": "riata.runner",
    "uninstall": "riata.takeover",
}

if sys.version_info < (3, 16):  # Python 3.16 has no event loop policies
    __all__ += ["EventLoopPolicy"]
    _homes["EventLoopPolicy"] = "riata.policy"

if not TYPE_CHECKING:  # a checker that saw `__getattr__` would accept any name

    def __getattr__(name: str) -> object:
        home = _homes.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(home), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

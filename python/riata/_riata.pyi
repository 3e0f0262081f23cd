"""Types of the extension module.

Its classes derive from nothing of asyncio's at run time; their `__class__` answers asyncio's class and their methods
have asyncio's signatures. Checkers are told that they are subclasses, which is what a program may rely on.
"""

import asyncio
from typing import TypedDict, TypeVar

from typing_extensions import NotRequired

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

__version__: str

class _BuildInfo(TypedDict):
    version: str
    profile: str  # "release" or "debug"
    target: str  # Rust's target triple
    driver: str  # what waits for the kernel: "epoll" or "kqueue"
    python: str  # the Python that the extension was built for
    commit: NotRequired[str]  # missing where the build does not know it

def build_info() -> _BuildInfo: ...

class Future(asyncio.Future[_T]): ...
class Task(asyncio.Task[_T_co]): ...  # pyright: ignore[reportInvalidTypeArguments]
class Handle(asyncio.Handle): ...
class TimerHandle(asyncio.TimerHandle): ...

class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None: ...

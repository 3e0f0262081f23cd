"""Put riata behind other names: asyncio's (`install`, for programs), and with `riata run` uvloop's as well.

`install` changes only the choice of the loop: `asyncio.run`, `asyncio.Runner`, `asyncio.new_event_loop`, and
`asyncio.get_event_loop` where it still makes a loop. A loop class that the program names itself stays what it is.

`riata run` goes further, since it is for programs that are not to be changed: `asyncio.SelectorEventLoop()` and
`asyncio.EventLoop()` give riata's loop too, and so do uvloop's names where uvloop is installed. (uvicorn, say, picks
uvloop where there is one and names `asyncio.SelectorEventLoop` where there is none.) The classes themselves stay, for
subclasses and `isinstance`; a call with a selector of its own still gives asyncio's loop. Names that this Python's
asyncio lacks are added (`native.py`).
"""

import asyncio
import asyncio.events
import os
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from riata.dump_signal import dump_on_variable
from riata.factory import new_event_loop
from riata.interpreter import is_main
from riata.runner import run_on
from riata.switch import NATIVE_VARIABLE, notice, switched_off

__all__ = ["asyncio_imported", "install", "uninstall", "uvloop_imported"]

# Private names of this module are used by asyncio's own runner, and some exist on some Pythons only.
_events: Any = asyncio.events

_undo: Callable[[], None] | None = None


def install(*, primitives: bool = False) -> None:
    """Make asyncio give riata's loop to whoever asks it for a new one. Twice is as good as once.

    Where `RIATA_LOOP=asyncio` switches riata off this does nothing.

    Args:
        primitives: put riata's locks, queues, timeouts, task groups, `sleep`, `gather` and `wait_for` behind
            asyncio's names, too. A module that has taken asyncio's own by `from asyncio import Lock` before
            keeps them; a RuntimeWarning names such modules.
    Raises:
        RuntimeError: `RIATA_LOOP` has a value that is not known.
    Threads: any; call it before other threads make loops.
    """
    global _undo
    if switched_off():
        return
    # 3.14 deprecates the public setter and keeps this one, which `asyncio.Runner` rests on; later there are none.
    setter = getattr(_events, "_set_event_loop_policy", None) or getattr(
        asyncio, "set_event_loop_policy", None
    )
    if setter is not None:
        _undo = _replace_policy(setter) or _undo
    elif _undo is None:
        _undo = _replace_functions()
    if primitives:
        from riata import native

        native.put()


def uninstall() -> None:
    """Give asyncio back what `install` replaced. A policy that the program set since then stays."""
    global _undo
    if _undo is not None:
        _undo()
        _undo = None
    if "riata.native" in sys.modules:
        from riata import native

        native.take_back()


def _replace_policy(setter: Callable[[Any], None]) -> Callable[[], None] | None:
    from riata.policy import EventLoopPolicy

    # `None` before anybody asked for a policy: asyncio makes its own again when it is needed.
    previous = _events._event_loop_policy
    if isinstance(previous, EventLoopPolicy):
        return None
    ours = EventLoopPolicy()
    setter(ours)

    def undo() -> None:
        if _events._event_loop_policy is ours:
            setter(previous)

    return undo


def _replace_functions() -> Callable[[], None]:
    previous = _events.new_event_loop
    homes: list[Any] = [asyncio, asyncio.events]
    for home in homes:
        home.new_event_loop = new_event_loop

    def undo() -> None:
        for home in homes:
            if home.new_event_loop is new_event_loop:
                home.new_event_loop = previous

    return undo


def _is_left_alone(module: ModuleType) -> bool:
    """A sub-interpreter keeps its loops, and the operator is told."""
    if is_main():
        return False
    notice(f"not for sub-interpreters, this one runs on {module.__name__}")
    return True


def asyncio_imported(module: ModuleType) -> None:
    """Take over asyncio in a program started by `riata run`; called once, when it has been imported."""
    if _is_left_alone(module):
        return
    if sys.version_info < (3, 11):
        # Switched off or not: a program that counts on these names is to run on asyncio's loop, too.
        from riata import native

        native.add_missing()
    dump_on_variable()
    if switched_off():
        return
    install(primitives=bool(os.environ.get(NATIVE_VARIABLE)))
    loop_class: Any = asyncio.SelectorEventLoop

    def make(cls: type, *args: object, **kwargs: object) -> object:
        if cls is loop_class and not args and not kwargs:
            return new_event_loop()
        return object.__new__(cls)

    loop_class.__new__ = staticmethod(make)


def uvloop_imported(module: ModuleType) -> None:
    """Take over uvloop in a program started by `riata run`; called once, when it has been imported."""
    if switched_off() or _is_left_alone(module):
        return
    from riata.event_loop import EventLoop

    names: dict[str, object] = {
        "Loop": EventLoop,
        "install": install,
        "new_event_loop": new_event_loop,
        "run": run,
    }
    if sys.version_info < (3, 16):
        from riata.policy import EventLoopPolicy

        names["EventLoopPolicy"] = EventLoopPolicy
    for name, value in names.items():
        setattr(module, name, value)
    extension: Any = getattr(module, "loop", None)
    if extension is not None:
        extension.Loop = EventLoop


def run(
    main: Awaitable[Any],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = new_event_loop,
    debug: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Run `main` as `uvloop.run` does, which takes any awaitable. Mirrors: `uvloop.run`."""

    async def wait() -> Any:
        return await main

    result: Any = run_on(loop_factory or new_event_loop, wait(), debug=debug, **kwargs)
    return result

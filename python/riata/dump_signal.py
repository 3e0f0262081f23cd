"""A signal on which a program tells what its threads and tasks do: `riata run --dump-on SIGUSR1`, `RIATA_DUMP=SIGUSR1`."""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from riata.interpreter import is_main
from riata.switch import notice

__all__ = ["VARIABLE", "dump_on", "dump_on_variable", "signal_number"]

# Names the signal. `riata run --dump-on` sets it; children inherit it.
VARIABLE = "RIATA_DUMP"

_is_on = False


def signal_number(name: str) -> int:
    """Return the number of a signal by its name, with or without SIG.

    Raises:
        RuntimeError: there is no such signal, or a program cannot have it.
    """
    found = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", None)
    if not isinstance(found, signal.Signals) or found in (signal.SIGKILL, signal.SIGSTOP):
        raise RuntimeError(
            f"there is no signal {name!r} to dump on\nhint: SIGUSR1 is free in most programs"
        )
    return int(found)


def dump_on_variable() -> None:
    """`dump_on` the signal that the environment names, once in a process.

    Raises:
        RuntimeError: there is no such signal.
    """
    global _is_on
    name = os.environ.get(VARIABLE)
    if (
        not name
        or _is_on
        or not is_main()
        or threading.current_thread() is not threading.main_thread()
    ):
        return
    number = signal_number(name)
    _is_on = True
    try:
        dump_on(number)
    except (OSError, RuntimeError, ValueError) as error:
        notice(f"cannot dump on {name}: {error}")


def dump_on(number: int) -> None:
    """Write to standard error, on this signal, what every thread does, and then every task of the loops that run.

    The threads come first and need nobody's help: also while one of them holds the interpreter. The tasks follow when the
    main thread runs Python code again, or waits.

    Args:
        number: of the signal, whose handler is replaced.
    Raises:
        OSError, RuntimeError, ValueError: there is no such signal or no standard error, or this is not the main thread.
    """
    import faulthandler  # which no sub-interpreter can, and this module is imported there, too

    signal.signal(number, _dump_tasks)
    faulthandler.register(number, all_threads=True, chain=True)


def _dump_tasks(number: int, frame: FrameType | None) -> None:
    # A program does not expect an exception of a signal, wherever it is.
    with contextlib.suppress(Exception):
        loops = _running_loops()
        if not loops:
            notice("no event loop runs")
        for loop in loops:
            from riata.task_dump import dump

            dump(loop=loop)


def _running_loops() -> list[Any]:
    """That of the main thread, which may be asyncio's, and those of riata in any thread."""
    asyncio, ours = sys.modules.get("asyncio"), sys.modules.get("riata.event_loop")
    here = asyncio._get_running_loop() if asyncio is not None else None
    others = filter(ours.EventLoop.is_running, ours._every_loop()) if ours is not None else ()
    return [loop for loop in dict.fromkeys([here, *others]) if loop is not None]

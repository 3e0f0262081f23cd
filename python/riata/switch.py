"""The switch that takes riata out of a whole program: `RIATA_LOOP=asyncio` in the environment.

An operator can roll back with it, without a deploy: what riata would do becomes what asyncio does. The switch is
read once per process, so that a program is on one loop or on the other. Nothing else reads it.
"""

import contextlib
import os
import sys

__all__ = ["NATIVE_VARIABLE", "NOTICE_VARIABLE", "notice", "switched_off"]

# Set by `riata run` to its process id once it has said that riata is off: the program that takes its place in the
# same process does not say it again.
NOTICE_VARIABLE = "RIATA_LOOP_NOTICE"
# Set by `riata run --native`: the program and its children get the native primitives behind asyncio's names.
NATIVE_VARIABLE = "RIATA_NATIVE"


_off: bool | None = None


def switched_off() -> bool:
    """Tell whether riata is switched off in this process, and say so once on stderr.

    Raises:
        RuntimeError: `RIATA_LOOP` has a value that is not known.
    """
    global _off
    if _off is None:
        _off = _read_switch()
        if _off and not _already_said():
            notice("switched off by RIATA_LOOP=asyncio, running on asyncio")
    return _off


def notice(text: str) -> None:
    """Tell the operator on stderr. Who has closed it, or filled its disk, still gets the program."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"riata: {text}", file=sys.stderr, flush=True)


def _read_switch() -> bool:
    value = os.environ.get("RIATA_LOOP", "")
    if value not in ("", "riata", "asyncio"):
        raise RuntimeError(
            f"RIATA_LOOP has the unknown value {value!r}\n"
            "hint: `RIATA_LOOP=asyncio` switches riata off, `RIATA_LOOP=riata` or no value leaves it on"
        )
    return value == "asyncio"


def _already_said() -> bool:
    if os.environ.get(NOTICE_VARIABLE) == str(os.getpid()):
        return True
    multiprocessing = sys.modules.get("multiprocessing")
    return multiprocessing is not None and multiprocessing.parent_process() is not None

"""riata's primitives behind asyncio's names: `riata.install(primitives=True)`, `riata run --native`.

And the names that this Python's asyncio lacks, for `riata run`.
"""

import asyncio
import importlib
import sys
import warnings
from typing import Any

import riata

__all__ = ["REPLACED", "add_missing", "put", "take_back"]

# asyncio's names that have a native version here.
REPLACED = [
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Event",
    "LifoQueue",
    "Lock",
    "PriorityQueue",
    "Queue",
    "Semaphore",
    "TaskGroup",
    "Timeout",
    "as_completed",
    "gather",
    "shield",
    "sleep",
    "timeout",
    "timeout_at",
    "wait",
    "wait_for",
]

# What `riata run` adds to the asyncio of 3.10. Of what came later a part alone would mislead who looks for the rest by it:
# `QueueShutDown` promises that asyncio's queues can be shut down.
ADDED = [
    "Barrier",
    "BrokenBarrierError",
    "Runner",
    "TaskGroup",
    "Timeout",
    "timeout",
    "timeout_at",
]

# The modules that define these names, or take them from others.
_SUBMODULES = ["base_events", "locks", "queues", "runners", "staggered", "streams", "tasks"]
_SUBMODULES += ["taskgroups", "threads", "timeouts"]

_replaced: list[tuple[Any, str, object]] = []
_missing = object()
_warned = False


def put() -> None:
    """Put the native versions behind asyncio's names, and warn of the modules that have taken asyncio's own before."""
    if _replaced:
        return
    homes = _homes()
    originals: dict[int, str] = {}
    for name in REPLACED:
        original = getattr(asyncio, name, None)
        if original is None:  # a newer Python's
            continue
        originals[id(original)] = name
        native = getattr(riata, name)
        for home in homes:
            if getattr(home, name, None) is original:
                _replaced.append((home, name, original))
                setattr(home, name, native)
    if not hasattr(asyncio, "QueueShutDown"):  # what asyncio.Queue raises from here on
        name = "QueueShutDown"
        for home in (asyncio, importlib.import_module("asyncio.queues")):
            _replaced.append((home, name, _missing))
            setattr(home, name, riata.QueueShutDown)
    _warn_of_users(originals)


def take_back() -> None:
    """Undo `put`; what somebody else has replaced since then stays."""
    for home, name, original in _replaced:
        if getattr(home, name, None) is not getattr(riata, name):
            continue
        if original is _missing:
            delattr(home, name)
        else:
            setattr(home, name, original)
    _replaced.clear()


def add_missing() -> None:
    """Add what this asyncio lacks, and replace nothing."""
    for name in ADDED:
        if not hasattr(asyncio, name):
            setattr(asyncio, name, getattr(riata, name))


def _homes() -> list[Any]:
    homes: list[Any] = [asyncio]
    for name in _SUBMODULES:
        try:
            homes.append(importlib.import_module(f"asyncio.{name}"))
        except ImportError:  # a newer Python's
            pass
    return homes


def _warn_of_users(originals: dict[int, str]) -> None:
    global _warned
    users = []
    for key, module in sorted(sys.modules.items()):
        if key.partition(".")[0] in ("asyncio", "riata") or module is None:
            continue
        # Not `getattr`, which may run a module's code; and what stands there need not be a module.
        try:
            values = list(module.__dict__.values())
        except Exception:
            continue
        names = sorted({originals[id(value)] for value in values if id(value) in originals})
        if names:
            users.append(f"{key} ({', '.join(names)})")
    if users and not _warned:
        _warned = True
        warnings.warn(
            "these modules took asyncio's own names before `riata.install(primitives=True)`, and keep them: "
            + ", ".join(users),
            RuntimeWarning,
            stacklevel=4,
        )

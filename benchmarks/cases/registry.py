"""What a case is, and the list of them.

A micro case is a function of one `Bench`: it sets up, measures with `with bench.measure():`, and
says in `bench.operations` how many operations were inside. It may use asyncio's public API only, so
that every loop runs the same lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


class Clock(Protocol):
    """What counts between `start` and `stop`: CPU nanoseconds, or valgrind's instructions."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Bench:
    """What one attempt of a micro case gets, and where it leaves its count of operations."""

    loop: asyncio.AbstractEventLoop
    size: int
    clock: Clock
    new_event_loop: Callable[[], asyncio.AbstractEventLoop]
    operations: int = 0
    bytes_per_operation: float | None = None

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        self.clock.start()
        try:
            yield
        finally:
            self.clock.stop()


@dataclass(frozen=True)
class Case:
    """One row of the tables.

    `size` is the repeat count to start from; the worker raises or lowers it until one attempt takes
    about its target time, unless `fixed`. `since` is the first Python that has the API it uses.
    """

    name: str
    title: str
    group: str
    unit: str
    size: int = 1
    fixed: bool = False
    since: tuple[int, int] = (3, 10)
    function: Callable[[Bench], Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


_CASES: dict[str, Case] = {}

GROUPS = ("micro", "native", "echo", "http", "memory")


def add(case: Case) -> None:
    assert case.name not in _CASES, f"two cases are called {case.name}"
    _CASES[case.name] = case


def micro(
    title: str,
    *,
    unit: str,
    size: int,
    fixed: bool = False,
    since: tuple[int, int] = (3, 10),
    group: str = "micro",
) -> Callable[[Callable[[Bench], Any]], Callable[[Bench], Any]]:
    """Register a function, plain or `async`, as a case that is measured inside one process."""

    def register(function: Callable[[Bench], Any]) -> Callable[[Bench], Any]:
        add(
            Case(
                name=function.__name__,
                title=title,
                group=group,
                unit=unit,
                size=size,
                fixed=fixed,
                since=since,
                function=function,
            )
        )
        return function

    return register


def all_cases() -> list[Case]:
    return list(_CASES.values())


def find_cases(patterns: str) -> list[Case]:
    """Cases named by a comma-separated list of groups, names and shell patterns, in registry order.

    Raises:
        LookupError: a word of the list names nothing.
    """
    chosen: set[str] = set()
    for word in filter(None, (word.strip() for word in patterns.split(","))):
        found = {
            case.name
            for case in _CASES.values()
            if word in ("all", case.group) or fnmatch.fnmatchcase(case.name, word)
        }
        if not found:
            raise LookupError(
                f"no case or group is called `{word}`\nhint: `run.py --list` names them"
            )
        chosen |= found
    return [case for case in _CASES.values() if case.name in chosen]

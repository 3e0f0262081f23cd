"""Fixtures: the loops under test, standard asyncio first.

`RIATA_TEST_LOOPS=asyncio` runs the expectations alone. Every `loop` is checked at the end of its test: no task, no
descriptor, no thread and no unexpected report to its exception handler is left.
"""

from __future__ import annotations

import asyncio
import gc
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .support import DEBUG_BUILD, LOOPS, WORLDS, Reports, World, checked_loop, new_event_loop

# CPython's debug build checks what release builds of extensions are not checked for: multidict 7.1 tracks an object that
# is not whole yet, and crashes.
if DEBUG_BUILD:
    os.environ.setdefault("MULTIDICT_NO_EXTENSIONS", "1")

# A hang is a failure, soon: pytest-timeout reads this unless the command line says otherwise.
os.environ.setdefault("PYTEST_TIMEOUT", "240" if DEBUG_BUILD else "60")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than 0.25 s")
    config.addinivalue_line(
        "markers", "programs: runs an unmodified program, most with a server of its own"
    )
    config.addinivalue_line("markers", "long: runs only with RIATA_TEST_LONG=1")
    unknown = set(LOOPS) - {"asyncio", "riata"}
    if unknown or not LOOPS:
        raise pytest.UsageError(
            f"RIATA_TEST_LOOPS may name asyncio and riata, not {sorted(unknown)}"
        )


def pytest_report_header(config: pytest.Config) -> str:
    often = ", the collector at every allocation" if os.environ.get("RIATA_TEST_GC") == "1" else ""
    return f"loops: {', '.join(LOOPS)}{often}"


def pytest_collection_finish(session: pytest.Session) -> None:
    # Each test ends with full collections. What is imported by now stays; the collector need not walk it again.
    gc.collect()
    gc.freeze()
    # The collector at (nearly) every allocation: whoever shows it an object that is not whole, or forgets a reference, is
    # found out (`make test-gc`).
    if os.environ.get("RIATA_TEST_GC") == "1":
        gc.set_threshold(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("RIATA_TEST_LONG") == "1":
        return
    skip = pytest.mark.skip(reason="the long form runs with RIATA_TEST_LONG=1")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """What earlier modules have left in the process, programs above all, the collections of this one need not walk either."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_current_loop() -> Iterator[None]:
    """A test neither inherits a current loop nor leaves one."""
    asyncio.set_event_loop(None)
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.set_event_loop(None)


@pytest.fixture(params=LOOPS)
def loop_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_loop(loop_name: str) -> Iterator[Callable[[], Any]]:
    """A function that makes loops of the kind under test; those still open at the end are closed."""
    made: list[Any] = []

    def make() -> Any:
        loop = new_event_loop(loop_name)
        made.append(loop)
        return loop

    yield make
    for loop in made:
        if not loop.is_closed():
            loop.close()


@pytest.fixture
def checked(loop_name: str) -> Iterator[tuple[Any, Reports]]:
    with checked_loop(loop_name) as pair:
        yield pair


@pytest.fixture
def loop(checked: tuple[Any, Reports]) -> Any:
    return checked[0]


@pytest.fixture
def reports(checked: tuple[Any, Reports]) -> Reports:
    """What the exception handler of `loop` heard; the test takes what it expects."""
    return checked[1]


@pytest.fixture(params=WORLDS, ids=lambda world: world.name)
def world(request: pytest.FixtureRequest) -> World:
    """A loop and the classes of its tasks and futures: `world.task(wloop, coro)`."""
    return request.param


@pytest.fixture
def world_checked(world: World) -> Iterator[tuple[Any, Reports]]:
    with checked_loop(world.loop) as pair:
        yield pair


@pytest.fixture
def wloop(world_checked: tuple[Any, Reports]) -> Any:
    """The loop of `world`."""
    return world_checked[0]


@pytest.fixture
def wreports(world_checked: tuple[Any, Reports]) -> Reports:
    return world_checked[1]

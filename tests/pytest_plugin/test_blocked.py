"""What blocks the loop for too long is named, with the line it was in when the watchdog came."""

import re

import pytest

PROJECT = """
import asyncio
import time

import pytest


def work():
    time.sleep(0.3)  # asleep


def spin():
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass


async def test_sleep():
    await asyncio.sleep(0)
    work()
    await asyncio.sleep(0)


async def test_busy():
    spin()


async def test_without_the_gil():
    # C code, which keeps the GIL all the time.
    sum(range(3 * 10**7))  # one call


async def test_callback():
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_soon(work)
    loop.call_soon(done.set)
    await done.wait()


@pytest.fixture
async def slow():
    work()
    yield
    work()


async def test_fixture(slow):
    pass


async def test_task():
    async def hog():
        work()

    await asyncio.create_task(hog(), name="hog")  # made


async def test_fails():
    work()
    assert False


# These block nothing.


async def test_awaits():
    await asyncio.sleep(0.2)


async def test_many():
    for _ in range(40):
        time.sleep(0.005)
        await asyncio.sleep(0)


@pytest.mark.riata(blocked_after=0)
async def test_that_may():
    work()


@pytest.mark.riata(blocked_after=5)
async def test_that_may_for_long():
    work()


def test_that_is_synchronous():
    work()
"""

BLOCKED = {
    # The function, and its innermost line.
    "test_sleep": ("work", "time.sleep(0.3)  # asleep"),
    "test_busy": ("spin", None),
    "test_without_the_gil": ("test_without_the_gil", "sum(range(3 * 10**7))  # one call"),
    "test_callback": ("work", "time.sleep(0.3)  # asleep"),
    "test_fixture": ("work", "time.sleep(0.3)  # asleep"),
    "test_task": ("work", "time.sleep(0.3)  # asleep"),
    "test_fails": ("work", "time.sleep(0.3)  # asleep"),
}


def told_of(result, name):
    summary = result.text.partition("riata: blocked the loop")[2]
    found = re.search(rf"^test_it\.py::{name}\n((?:  .*\n)+)", summary, re.M)
    return found[1] if found else None


@pytest.mark.parametrize("name", BLOCKED)
def test_what_blocks_is_named(ran, name):
    told = told_of(ran, name)
    function, line = BLOCKED[name]
    frames = re.findall(r'File ".*", line \d+, in (.+)\n(?:      (.+)\n)?', told)
    assert frames[-1][0] == function
    assert line is None or frames[-1][1].startswith(line)
    assert "run_forever" not in told
    seconds = float(re.search(r"blocked the loop for ([\d.]+) s\n", told)[1])
    assert 0.1 <= seconds < 5
    assert told.count("blocked the loop") == (2 if name == "test_fixture" else 1)


def test_who_blocks_is_named(ran):
    line = next(n for n, text in enumerate(PROJECT.splitlines(), 1) if text.endswith("# made"))
    assert re.search(
        rf"task 'hog', made in .*test_it\.py:{line}\), blocked", told_of(ran, "test_task")
    )
    assert "<TimerHandle" not in told_of(ran, "test_callback")
    assert "<Handle work() " in told_of(ran, "test_callback")


@pytest.mark.parametrize(
    "name",
    [
        "test_awaits",
        "test_many",
        "test_that_may",
        "test_that_may_for_long",
        "test_that_is_synchronous",
    ],
)
def test_nothing_is_told_of_what_does_not_block(ran, name):
    assert ran.outcomes[name] == ["PASSED"]
    assert told_of(ran, name) is None


def test_the_outcomes_are_as_without(ran):
    assert {name for name, found in ran.outcomes.items() if found != ["PASSED"]} == {"test_fails"}

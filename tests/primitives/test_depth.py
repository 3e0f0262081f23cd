"""What is nested deeper than the stack is: it ends in RecursionError or works, and never in a crash."""

import pytest

from ..support import LOOPS, run_script

# Each in a process of its own: a fault here is the end of it.
PROGRAM = """
import asyncio, gc, sys, warnings
import riata
from loop_under_test import run

warnings.simplefilter("ignore")  # what is not awaited


async def nothing():
    await riata.sleep(0)


async def queues():
    queue = riata.Queue()
    for _ in range(100_000):
        outer = riata.Queue()
        outer.put_nowait(queue)
        queue = outer


async def operations():
    waiting = nothing()
    for _ in range(1_000_000):
        waiting = riata.wait_for(waiting, None)


async def operations_and_queues():
    waiting = None
    for _ in range(50_000):
        waiting = riata.Queue().put(waiting)


async def driven():
    waiting = nothing()
    for _ in range(100_000):
        waiting = riata.wait_for(waiting, None)
    try:
        await waiting
    except RecursionError:
        return
    raise AssertionError("no error")


async def timeouts():
    # They are left without an end.
    held = []
    for _ in range(1_000_000):
        timeout = riata.timeout(None)
        await timeout.__aenter__()
        held.append(timeout)
    held.clear()


async def generations_of_tasks():
    over = asyncio.get_running_loop().create_future()

    async def generation(left):
        if not left:
            over.set_result(riata.time_left())
            return
        async with riata.timeout(60):
            asyncio.ensure_future(generation(left - 1))
            await riata.sleep(0)
            await riata.sleep(0)

    asyncio.ensure_future(generation(20_000))
    assert await over is not None
    gc.collect()
    alive = [known for known in gc.get_objects() if isinstance(known, riata.Timeout)]
    assert len(alive) < 100, len(alive)


async def generations_of_wait_for():
    over = asyncio.get_running_loop().create_future()

    async def generation(left):
        if not left:
            over.set_result(None)
            return

        async def begin():
            asyncio.ensure_future(generation(left - 1))
            await riata.sleep(0)
            await riata.sleep(0)

        await riata.wait_for(begin(), 60)

    asyncio.ensure_future(generation(20_000))
    await over
    gc.collect()
    alive = [known for known in gc.get_objects() if isinstance(known, riata.Timeout)]
    assert len(alive) < 100, len(alive)


run(globals()[sys.argv[1]]())
gc.collect()
print("done")
"""


@pytest.mark.parametrize("loop_name", LOOPS)
@pytest.mark.parametrize(
    "what",
    [
        "queues",
        "operations",
        "operations_and_queues",
        "driven",
        "timeouts",
        "generations_of_tasks",
        "generations_of_wait_for",
    ],
)
def test_depth_of(loop_name, what):
    ended = run_script(loop_name, PROGRAM, what)
    assert ended.stdout == "done\n", ended.stderr[-2000:]

"""The primitives as a library: each loop with the names that belong to it, riata with its own, the others with asyncio's.

anyio, trio and aiotools have these operations under names and rules of their own: `peers.py`, where a method has the name of
its case. A new case wants one there too, where they have such a thing.
"""

import asyncio
from typing import Any

from cases.registry import Bench, micro

MANY = 1_000
TASKS = 20


def names_of(bench: Bench) -> Any:
    """The module whose primitives are used on this loop."""
    if type(bench.loop).__module__.partition(".")[0] == "riata":
        import riata

        return riata
    return asyncio


async def nothing() -> None:
    pass


@micro("native: sleep(0), 1,000 tasks", unit="sleep", size=20, group="native")
async def native_sleep_zero_1000(bench: Bench) -> None:
    sleep = names_of(bench).sleep
    running = True

    async def sleeper() -> None:
        while running:
            await sleep(0)

    tasks = [asyncio.create_task(sleeper()) for _ in range(MANY)]
    await sleep(0)
    with bench.measure():
        for _ in range(bench.size):
            await sleep(0)
    bench.operations = bench.size * (MANY + 1)
    running = False
    await asyncio.wait(tasks)


@micro("native: gather(1,000)", unit="item", size=5, group="native")
async def native_gather_1000(bench: Bench) -> None:
    gather = names_of(bench).gather
    with bench.measure():
        for _ in range(bench.size):
            await gather(*[nothing() for _ in range(MANY)])
    bench.operations = bench.size * MANY


@micro("native: wait(1,000)", unit="future", size=5, group="native")
async def native_wait_1000(bench: Bench) -> None:
    wait = names_of(bench).wait
    loop = bench.loop
    with bench.measure():
        for _ in range(bench.size):
            futures = [loop.create_future() for _ in range(MANY)]
            loop.call_soon(set_all, futures)
            await wait(futures)
    bench.operations = bench.size * MANY


def set_all(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


@micro("native: shield of a coroutine", unit="shield", size=2_000, group="native")
async def native_shield(bench: Bench) -> None:
    shield = names_of(bench).shield
    with bench.measure():
        for _ in range(bench.size):
            await shield(nothing())
    bench.operations = bench.size


@micro("native: TaskGroup(1,000)", unit="task", size=5, group="native", since=(3, 11))
async def native_task_group_1000(bench: Bench) -> None:
    TaskGroup = names_of(bench).TaskGroup
    with bench.measure():
        for _ in range(bench.size):
            async with TaskGroup() as group:
                for _ in range(MANY):
                    group.create_task(nothing())
    bench.operations = bench.size * MANY


@micro("native: timeout enter + exit", unit="timeout", size=5_000, group="native", since=(3, 11))
async def native_timeout(bench: Bench) -> None:
    timeout = names_of(bench).timeout
    with bench.measure():
        for _ in range(bench.size):
            async with timeout(30.0):
                pass
    bench.operations = bench.size


@micro("native: wait_for of a coroutine", unit="wait", size=5_000, group="native")
async def native_wait_for(bench: Bench) -> None:
    wait_for = names_of(bench).wait_for
    with bench.measure():
        for _ in range(bench.size):
            await wait_for(nothing(), 30.0)
    bench.operations = bench.size


@micro("native: lock, uncontended", unit="acquire", size=10_000, group="native")
async def native_lock(bench: Bench) -> None:
    lock = names_of(bench).Lock()
    with bench.measure():
        for _ in range(bench.size):
            async with lock:
                pass
    bench.operations = bench.size


@micro("native: lock contended by 20 tasks", unit="acquire", size=100, group="native")
async def native_lock_contended(bench: Bench) -> None:
    """The holder lets the others run before it releases, so every acquire has to wait."""
    names = names_of(bench)
    lock, sleep = names.Lock(), names.sleep

    async def contender() -> None:
        for _ in range(bench.size):
            async with lock:
                await sleep(0)

    tasks = [asyncio.create_task(contender()) for _ in range(TASKS)]
    with bench.measure():
        await asyncio.wait(tasks)
    bench.operations = bench.size * TASKS


@micro("native: queue put + get, unbounded", unit="item", size=10_000, group="native")
async def native_queue(bench: Bench) -> None:
    queue = names_of(bench).Queue()
    with bench.measure():
        for item in range(bench.size):
            await queue.put(item)
            await queue.get()
    bench.operations = bench.size


@micro("native: queue(1) ping-pong", unit="item", size=1_000, group="native")
async def native_queue_ping_pong(bench: Bench) -> None:
    """A producer and a consumer on a queue of one: for each item the one waits for room and the other for the item."""
    queue = names_of(bench).Queue(1)

    async def produce() -> None:
        for item in range(bench.size):
            await queue.put(item)

    task = asyncio.create_task(produce())
    with bench.measure():
        for _ in range(bench.size):
            await queue.get()
    bench.operations = bench.size
    await task


@micro("native: event ping-pong", unit="wait", size=1_000, group="native")
async def native_event_ping_pong(bench: Bench) -> None:
    """Two tasks wake each other by an event each."""
    Event = names_of(bench).Event
    there, back = Event(), Event()

    async def echo() -> None:
        for _ in range(bench.size):
            await there.wait()
            there.clear()
            back.set()

    task = asyncio.create_task(echo())
    await asyncio.sleep(0)
    with bench.measure():
        for _ in range(bench.size):
            there.set()
            await back.wait()
            back.clear()
    bench.operations = 2 * bench.size
    await task


@micro("native: semaphore ping-pong", unit="acquire", size=1_000, group="native")
async def native_semaphore_ping_pong(bench: Bench) -> None:
    """Two tasks wake each other by a semaphore each."""
    Semaphore = names_of(bench).Semaphore
    there, back = Semaphore(0), Semaphore(0)

    async def echo() -> None:
        for _ in range(bench.size):
            await there.acquire()
            back.release()

    task = asyncio.create_task(echo())
    await asyncio.sleep(0)
    with bench.measure():
        for _ in range(bench.size):
            there.release()
            await back.acquire()
    bench.operations = 2 * bench.size
    await task


@micro("native: condition ping-pong", unit="wait", size=1_000, group="native")
async def native_condition_ping_pong(bench: Bench) -> None:
    """Two tasks take turns on one condition."""
    condition = names_of(bench).Condition()
    turn = 0

    async def player(me: int) -> None:
        nonlocal turn
        for _ in range(bench.size):
            async with condition:
                while turn != me:
                    await condition.wait()
                turn = 1 - me
                condition.notify()

    task = asyncio.create_task(player(1))
    await asyncio.sleep(0)
    with bench.measure():
        await player(0)
    bench.operations = 2 * bench.size
    await task

"""Timeouts, locks and queues: asyncio's own Python code, on the loop's tasks and futures."""

import asyncio

from cases.registry import Bench, micro

TASKS = 20


@micro("timeout enter + exit", unit="timeout", size=5_000, since=(3, 11))
async def timeout_enter_exit(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            async with asyncio.timeout(30.0):  # noqa: ASYNC100 (its own cost is the case)
                pass
    bench.operations = bench.size


@micro("lock contended by 20 tasks", unit="acquire", size=100)
async def lock_contended(bench: Bench) -> None:
    """The holder lets the others run before it releases, so every acquire has to wait."""
    lock = asyncio.Lock()

    async def contender() -> None:
        for _ in range(bench.size):
            async with lock:
                await asyncio.sleep(0)

    tasks = [asyncio.create_task(contender()) for _ in range(TASKS)]
    with bench.measure():
        await asyncio.wait(tasks)
    bench.operations = bench.size * TASKS


@micro("queue(1) ping-pong", unit="item", size=1_000)
async def queue_ping_pong(bench: Bench) -> None:
    """Two tasks, two queues of one: each item is waited for by the other side."""
    there: asyncio.Queue[int] = asyncio.Queue(1)
    back: asyncio.Queue[int] = asyncio.Queue(1)

    async def echo() -> None:
        for _ in range(bench.size):
            await back.put(await there.get())

    task = asyncio.create_task(echo())
    await asyncio.sleep(0)
    with bench.measure():
        for item in range(bench.size):
            await there.put(item)
            await back.get()
    bench.operations = 2 * bench.size
    await task

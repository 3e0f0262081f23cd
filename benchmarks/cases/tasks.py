"""Tasks and futures through asyncio's own names."""

import asyncio

from cases.registry import Bench, micro

MANY = 1_000


async def nothing() -> None:
    pass


@micro("sleep(0), 1 task", unit="sleep", size=10_000)
async def sleep_zero_1(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            await asyncio.sleep(0)
    bench.operations = bench.size


@micro("sleep(0), 1,000 tasks", unit="sleep", size=20)
async def sleep_zero_1000(bench: Bench) -> None:
    """Every turn steps all of them; only turns in which they do nothing else are measured."""
    running = True

    async def sleeper() -> None:
        while running:
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(sleeper()) for _ in range(MANY)]
    await asyncio.sleep(0)
    with bench.measure():
        for _ in range(bench.size):
            await asyncio.sleep(0)
    bench.operations = bench.size * (MANY + 1)
    running = False
    await asyncio.wait(tasks)


@micro("create_task + await", unit="task", size=5_000)
async def create_task_await(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            await asyncio.create_task(nothing())
    bench.operations = bench.size


@micro("loop.create_task + await", unit="task", size=5_000)
async def loop_create_task_await(bench: Bench) -> None:
    """As `create_task + await` without `asyncio.create_task`, which is a function in Python."""
    loop = bench.loop
    with bench.measure():
        for _ in range(bench.size):
            await loop.create_task(nothing())
    bench.operations = bench.size


@micro("future wake-up", unit="wake-up", size=5_000)
async def future_wake_up(bench: Bench) -> None:
    loop = bench.loop
    with bench.measure():
        for _ in range(bench.size):
            future = loop.create_future()
            loop.call_soon(future.set_result, None)
            await future
    bench.operations = bench.size


@micro("spawn 1,000, then await all", unit="task", size=5)
async def spawn_1000_await(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            for task in [asyncio.create_task(nothing()) for _ in range(MANY)]:
                await task
    bench.operations = bench.size * MANY


@micro("gather(1,000)", unit="item", size=5)
async def gather_1000(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            await asyncio.gather(*[nothing() for _ in range(MANY)])
    bench.operations = bench.size * MANY


@micro("TaskGroup(1,000)", unit="task", size=5, since=(3, 11))
async def task_group_1000(bench: Bench) -> None:
    with bench.measure():
        for _ in range(bench.size):
            async with asyncio.TaskGroup() as group:
                for _ in range(MANY):
                    group.create_task(nothing())
    bench.operations = bench.size * MANY

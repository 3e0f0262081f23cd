"""Bytes of resident memory for what is waiting: many of them, beside a few that came before."""

import asyncio

from harness.memory import resident_bytes

from cases.registry import Bench, Case, add, micro

FIRST = 2_000  # so that what is allocated once is not divided among the others
MANY = 100_000


def nothing() -> None:
    pass


@micro("memory: pending timer", unit="byte", size=1, fixed=True, group="memory")
async def memory_timer(bench: Bench) -> None:
    """With its handle, which the program keeps, since a timer that cannot be cancelled is rare."""
    loop = bench.loop
    handles: list[asyncio.TimerHandle | None] = [None] * (FIRST + MANY)
    for index in range(FIRST):
        handles[index] = loop.call_later(3600.0 + index, nothing)
    before = resident_bytes()
    for index in range(FIRST, FIRST + MANY):
        handles[index] = loop.call_later(3600.0 + index, nothing)
    bench.bytes_per_operation = (resident_bytes() - before) / MANY
    bench.operations = MANY


@micro("memory: pending task", unit="byte", size=1, fixed=True, group="memory")
async def memory_task(bench: Bench) -> None:
    """A coroutine of one frame that waits for a future of its own: coroutine, task and future."""
    loop = bench.loop

    async def parked() -> None:
        await loop.create_future()

    tasks: list[asyncio.Task[None] | None] = [None] * (FIRST + MANY)
    for index in range(FIRST):
        tasks[index] = asyncio.create_task(parked())
    await asyncio.sleep(0)
    before = resident_bytes()
    for index in range(FIRST, FIRST + MANY):
        tasks[index] = asyncio.create_task(parked())
        if index % 1_000 == 0:
            await asyncio.sleep(0)  # a few at a time, so that the ready queue stays short
    await asyncio.sleep(0)
    bench.bytes_per_operation = (resident_bytes() - before) / MANY
    bench.operations = MANY
    for task in tasks:
        assert task is not None
        task.cancel()
    await asyncio.sleep(0)


add(
    Case(
        name="memory_connection",
        title="memory: idle connection",
        group="memory",
        unit="byte",
        settings={
            "program": "echo.py",
            "arguments": ("protocol",),
            "transport": "tcp",
            "connections": 5_000,
            "first": 500,
        },
    )
)

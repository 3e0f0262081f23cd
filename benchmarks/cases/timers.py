"""Timers: what a deadline costs when it is set, dropped and met."""

import asyncio
import random
import time

from cases.registry import Bench, micro

PENDING = 100_000
CHURN = 240_000  # so many more than are pending that every loop with lazy deletion has to purge
PER_TURN = 1_000


def nothing() -> None:
    pass


def delays(first: float, span: float) -> list[float]:
    """`PENDING` different delays from `first` on, in an order that is mixed but always the same."""
    steps = list(range(PENDING))
    random.Random(1).shuffle(steps)
    return [first + span * step / PENDING for step in steps]


@micro("call_later + cancel, 100,000 pending", unit="timer", size=1, fixed=True)
async def call_later_cancel(bench: Bench) -> None:
    """A timeout that is not needed: set and cancelled, 1,000 per turn, beside 100,000 others."""
    loop = bench.loop
    pending = [loop.call_later(delay, nothing) for delay in delays(3600.0, 3600.0)]
    with bench.measure():
        for _ in range(CHURN // PER_TURN):
            for _ in range(PER_TURN):
                loop.call_later(30.0, nothing).cancel()
            await asyncio.sleep(0)
    bench.operations = CHURN
    for handle in pending:
        handle.cancel()
    await asyncio.sleep(0)


@micro("timers: schedule 100,000", unit="timer", size=1, fixed=True)
async def timers_schedule(bench: Bench) -> None:
    loop = bench.loop
    after = delays(3600.0, 3600.0)
    handles = []
    with bench.measure():
        for delay in after:
            handles.append(loop.call_later(delay, nothing))
    bench.operations = PENDING
    for handle in handles:
        handle.cancel()
    await asyncio.sleep(0)


@micro("timers: cancel 100,000", unit="timer", size=1, fixed=True)
async def timers_cancel(bench: Bench) -> None:
    """The turn that follows is inside, since that is where asyncio pays for lazy deletion. riata pays a part in each turn
    and the rest when it has nothing else to do, rloop when the time comes; `call_later + cancel` has all of it."""
    loop = bench.loop
    handles = [loop.call_later(delay, nothing) for delay in delays(3600.0, 3600.0)]
    with bench.measure():
        for handle in handles:
            handle.cancel()
        await asyncio.sleep(0)
    bench.operations = PENDING


@micro("timers: fire 100,000", unit="timer", size=1, fixed=True)
def timers_fire(bench: Bench) -> None:
    """All of them are due when the loop starts; the last one stops it.

    Delays count from each call on: a deadline that has passed by then would be no timer at all.
    """
    loop = bench.loop
    span = 0.2
    for delay in delays(0.001, span):
        loop.call_later(delay, nothing)
    loop.call_later(2 * span, loop.stop)
    time.sleep(2 * span + 0.01)
    with bench.measure():
        loop.run_forever()
    bench.operations = PENDING

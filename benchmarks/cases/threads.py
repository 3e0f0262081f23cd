"""Calls that come from, or go to, another thread. CPU time is that of the whole process."""

import asyncio
import threading

from cases.registry import Bench, micro

BURST = 10_000


def nothing() -> None:
    pass


@micro("call_soon_threadsafe, burst of 10,000", unit="callback", size=1)
def call_soon_threadsafe_burst(bench: Bench) -> None:
    """A thread schedules 10,000, then the loop runs them: no fight for the interpreter lock."""
    loop = bench.loop

    def schedule() -> None:
        for _ in range(BURST):
            loop.call_soon_threadsafe(nothing)
        loop.call_soon_threadsafe(loop.stop)

    with bench.measure():
        for _ in range(bench.size):
            thread = threading.Thread(target=schedule)
            thread.start()
            thread.join()
            loop.run_forever()
    bench.operations = bench.size * BURST


@micro("call_soon_threadsafe, round trip", unit="round trip", size=1_000)
def call_soon_threadsafe_round_trip(bench: Bench) -> None:
    """A thread wakes the sleeping loop and waits for its answer."""
    loop = bench.loop
    answer = threading.Lock()
    answer.acquire()

    def ask() -> None:
        for _ in range(bench.size):
            loop.call_soon_threadsafe(answer.release)
            answer.acquire()
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=ask)
    with bench.measure():
        thread.start()
        loop.run_forever()
    bench.operations = bench.size
    thread.join()


@micro("executor round trip", unit="call", size=500)
async def executor_round_trip(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, nothing)
    with bench.measure():
        for _ in range(bench.size):
            await loop.run_in_executor(None, nothing)
    bench.operations = bench.size

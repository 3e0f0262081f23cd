"""What it costs to make a loop, run one coroutine and tidy up."""

import asyncio
import sys

from cases.registry import Bench, micro


async def nothing() -> None:
    pass


@micro("run() start + stop", unit="run", size=100)
def run_start_stop(bench: Bench) -> None:
    """`asyncio.run` with this loop, spelled for Pythons that cannot be given a loop factory."""
    run = run_with_runner if sys.version_info >= (3, 11) else run_by_hand
    with bench.measure():
        for _ in range(bench.size):
            run(bench)
    bench.operations = bench.size


def run_with_runner(bench: Bench) -> None:
    with asyncio.Runner(loop_factory=bench.new_event_loop) as runner:
        runner.run(nothing())


def run_by_hand(bench: Bench) -> None:
    loop = bench.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(nothing())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()

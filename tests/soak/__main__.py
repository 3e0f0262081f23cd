"""Run the soak: rounds of random work, and after each round, when all clients are at rest, a look at what the process holds.

    python -m tests.soak --minutes 30 --loop riata --seed 1

It prints a line now and then and a verdict, and fails (status 1) on a wrong byte, on an unexpected exception or report, on
work that hangs, and when memory, descriptors, tasks or objects grow from the first third to the last. The same seed makes
the same choices; what the kernel and the clock make of them differs.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import faulthandler
import gc
import random
import sys
import time
from dataclasses import astuple, fields
from typing import Any

from ..flat import resident
from ..support import new_event_loop, open_fds
from . import load
from .verdict import LIMITS, Sample, complaints, growth

ROUND = 5.0  # seconds
HANG = 60.0  # seconds that the clients may take to come to rest


class Failed(Exception):
    pass


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--loop", choices=["riata", "asyncio"], default="riata")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument(
        "--leak", type=int, metavar="N", help="keep every Nth transport: the soak has to fail"
    )
    return parser.parse_args()


def leak_transports(every: int) -> None:
    """Keep every so many of the transports that streams get, as a library with a mistake would."""
    kept: list[Any] = []
    counted = 0
    made = asyncio.StreamReaderProtocol.connection_made

    def connection_made(self: Any, transport: Any) -> None:
        nonlocal counted
        counted += 1
        if counted % every == 0:
            kept.append(transport)
        made(self, transport)

    asyncio.StreamReaderProtocol.connection_made = connection_made  # type: ignore[method-assign]


async def at_rest(descriptors: int | None) -> int:
    """Wait until the servers too have seen the end of every connection; give back how many descriptors are open."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 5
    while loop.time() < deadline:
        await asyncio.sleep(0.02)
        count = len(open_fds())
        if len(asyncio.all_tasks()) == 1 and (descriptors is None or count <= descriptors):
            break
    return len(open_fds())


async def soak(options: argparse.Namespace, seed: int) -> list[Sample]:
    loop = asyncio.get_running_loop()
    began, reports = time.monotonic(), []
    # One block of numbers: samples that were objects would be what grows.
    numbers = array.array("d")
    loop.set_exception_handler(lambda _, context: reports.append(context))
    said = 0.0
    async with load.world() as world:
        # The threads that `to_thread` uses are made once; they are part of what is there.
        await asyncio.gather(*[asyncio.to_thread(time.sleep, 0.1) for _ in range(64)])
        descriptors = await at_rest(None)
        number = 0
        while (seconds := time.monotonic() - began) < options.minutes * 60:
            length = min(ROUND, options.minutes * 60 / 12)
            until = loop.time() + length
            faulthandler.dump_traceback_later(length + 2 * HANG, exit=True)  # the loop itself hangs
            clients = [
                asyncio.ensure_future(
                    load.client(world, random.Random(f"{seed} {number} {i}"), until)
                )
                for i in range(options.clients)
            ]
            number += 1
            _, hanging = await asyncio.wait(clients, timeout=length + HANG)
            if hanging:
                stuck = [repr(task) for task in asyncio.all_tasks() if task not in clients]
                raise Failed("these hang: " + "\n  ".join(stuck))
            for client in clients:
                client.result()
            del clients
            if reports:
                raise Failed(f"the loop's exception handler heard of {reports}")
            count = await at_rest(descriptors)
            gc.collect()
            sample = Sample(
                time.monotonic() - began,
                resident(),
                count,
                len(asyncio.all_tasks()),
                len(gc.get_objects()),
                sys.getallocatedblocks(),
            )
            numbers.extend(astuple(sample))
            if seconds - said >= 60 or number == 1:
                said = seconds
                print(line(sample, world), flush=True)
        print(line(sample, world), flush=True)
        print("done:", ", ".join(f"{name} {n:,}" for name, n in world.done.most_common()))
    faulthandler.cancel_dump_traceback_later()
    width = len(fields(Sample))
    return [Sample(*numbers[i : i + width]) for i in range(0, len(numbers), width)]


def line(sample: Sample, world: load.World) -> str:
    return (
        f"{sample.seconds:7.0f} s  {sample.memory / 1e6:7.1f} MB  {sample.descriptors} descriptors  "
        f"{sample.objects:,} objects  {sample.blocks:,} blocks  {sum(world.done.values()):,} pieces of work  "
        f"{world.bytes / 1e6:,.0f} MB echoed"
    )


def main() -> int:
    options = arguments()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    version = sys.version.split()[0]
    print(f"soak: {options.minutes:g} minutes of {options.loop} on {version}, --seed {seed}")
    if options.leak:
        leak_transports(options.leak)
    loop = new_event_loop(options.loop)
    asyncio.set_event_loop(loop)
    try:
        samples = loop.run_until_complete(soak(options, seed))
        wrong = complaints(samples)
    except Exception as error:
        import traceback

        traceback.print_exc()
        wrong = [f"{type(error).__name__}: {error}"]
    else:
        grown = growth(samples)
        print("growth:", ", ".join(f"{name} {grown[name]:+,.0f}" for name in LIMITS))
    for complaint in wrong:
        print("FAILED:", complaint)
    if not wrong:
        print("flat")
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""The ready queue by itself: no tasks, no timers."""

from collections.abc import Generator

from cases.registry import Bench, micro

BURST = 10_000


def nothing() -> None:
    pass


@micro("callback ping-pong", unit="callback", size=20_000)
def callback_ping_pong(bench: Bench) -> None:
    """One callback that schedules itself again: one callback per turn of the loop."""
    loop = bench.loop
    call_soon = loop.call_soon
    left = bench.size

    def callback() -> None:
        nonlocal left
        left -= 1
        if left:
            call_soon(callback)
        else:
            loop.stop()

    call_soon(callback)
    with bench.measure():
        loop.run_forever()
    bench.operations = bench.size


@micro("callback ping-pong, bare", unit="callback", size=20_000)
def callback_ping_pong_bare(bench: Bench) -> None:
    """The same with next to no Python in the callback: a generator's `send`, which counts in C."""
    loop = bench.loop
    call_soon = loop.call_soon

    def reschedule() -> Generator[None, None, None]:
        for _ in range(bench.size):
            call_soon(step, None)
            yield
        loop.stop()
        yield

    step = reschedule().send
    call_soon(step, None)
    with bench.measure():
        loop.run_forever()
    bench.operations = bench.size


@micro("burst of 10,000 call_soon", unit="callback", size=2)
def call_soon_burst(bench: Bench) -> None:
    """Scheduling 10,000 callbacks and running them, again and again."""
    loop = bench.loop
    with bench.measure():
        for _ in range(bench.size):
            for _ in range(BURST):
                loop.call_soon(nothing)
            loop.call_soon(loop.stop)
            loop.run_forever()
    bench.operations = bench.size * BURST

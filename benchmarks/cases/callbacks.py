"""The ready queue by itself: no tasks, no timers."""

from cases.registry import Bench, micro

BURST = 10_000


def nothing() -> None:
    pass


@micro("callback ping-pong", unit="callback", size=20_000)
def callback_ping_pong(bench: Bench) -> None:
    """One callback that schedules itself again: one callback per turn of the loop."""
    loop = bench.loop
    left = bench.size

    def callback() -> None:
        nonlocal left
        left -= 1
        if left:
            loop.call_soon(callback)
        else:
            loop.stop()

    loop.call_soon(callback)
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

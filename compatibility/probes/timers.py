"""Timers and time."""

import asyncio
import time

from registry import probe
from support import expect, turns


@probe()
def overdue_in_order_of_deadlines(new_loop):
    """Timers that are overdue run in the order of their deadlines"""
    loop = new_loop()
    seen = []
    now = loop.time()
    for delay in (0.005, 0.001, 0.003, 0.002, 0.004):
        loop.call_at(now + delay, seen.append, delay)
    time.sleep(0.02)
    turns(loop, 3)
    assert seen == sorted(seen) and len(seen) == 5, f"the order was {seen}"


@probe()
def overdue_in_order_microseconds(new_loop):
    """So do timers whose deadlines are microseconds apart"""
    loop = new_loop()
    seen = []
    now = loop.time()
    for delay in (50, 10, 30, 20, 40):
        loop.call_at(now + delay * 1e-6, seen.append, delay)
    time.sleep(0.005)
    turns(loop, 3)
    assert seen == [10, 20, 30, 40, 50], f"the order was {seen}"


@probe()
def never_early(new_loop):
    """A timer never runs before its deadline by `loop.time()`"""
    loop = new_loop()
    early = []

    async def main():
        for i in range(1, 30):
            future = loop.create_future()
            deadline = loop.time() + i * 0.000_37
            loop.call_at(deadline, future.set_result, None)
            await future
            if loop.time() < deadline - time.get_clock_info("monotonic").resolution:
                early.append(deadline - loop.time())

    loop.run_until_complete(main())
    assert not early, f"{len(early)} of 29 came early, by up to {max(early) * 1e6:.0f} µs"


@probe()
def call_at_in_the_past(new_loop):
    """`call_at` in the past and `call_later` with a negative delay run in the next turn"""
    loop = new_loop()
    seen = []
    loop.call_at(loop.time() - 5, seen.append, "past")
    loop.call_at(-1, seen.append, "negative")
    loop.call_later(-1, seen.append, "delay")
    turns(loop, 2)
    assert sorted(seen) == ["delay", "negative", "past"], f"only {seen} ran"


@probe()
def infinite_delay(new_loop):
    """`call_later(math.inf)` never runs and stops nothing else"""
    loop = new_loop()
    seen = []
    handle = loop.call_later(float("inf"), seen.append, "never")
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert not seen, "it ran"
    assert handle.when() == float("inf")
    handle.cancel()


@probe(since=(3, 11))
def none_is_no_delay(new_loop):
    """`call_later(None)` and `call_at(None)` raise TypeError"""
    loop = new_loop()
    expect(TypeError, loop.call_later, None, int)
    expect(TypeError, loop.call_at, None, int)


@probe()
def when(new_loop):
    """`TimerHandle.when()` is the very number given to `call_at`"""
    loop = new_loop()
    deadline = loop.time() + 12.345_678_9
    handle = loop.call_at(deadline, int)
    assert handle.when() == deadline, f"off by {handle.when() - deadline:g} s"
    handle.cancel()


@probe()
def timers_compare(new_loop):
    """Timer handles compare by their deadlines, and can be sorted"""
    loop = new_loop()
    early, late = loop.call_later(5, int), loop.call_later(6, int)
    assert early < late and late > early and early <= late and early != late, "they do not"
    assert sorted([late, early]) == [early, late]
    early.cancel()
    late.cancel()


@probe()
def clock(new_loop):
    """`loop.time()` is `time.monotonic()`"""
    loop = new_loop()
    before = time.monotonic()
    now = loop.time()
    after = time.monotonic()
    assert before - 0.001 <= now <= after + 0.001, "another clock"


@probe()
def clock_moves_within_a_callback(new_loop):
    """`loop.time()` moves on within a callback"""
    loop = new_loop()
    seen = []

    def callback():
        start = loop.time()
        time.sleep(0.005)
        seen.append(loop.time() - start)

    loop.call_soon(callback)
    turns(loop)
    assert seen[0] >= 0.004, f"it moved {seen[0]:g} s in 5 ms"


@probe()
def overridden_time(new_loop):
    """A subclass that overrides `time()`, as test clocks do, moves the timers"""
    kind = type(new_loop())

    class Skewed(kind):
        skew = 0.0

        def time(self):
            return super().time() + self.skew

    loop = Skewed()
    seen = []
    loop.call_later(3600, seen.append, "later")
    loop.skew = 7200
    turns(loop, 2)
    loop.close()
    assert seen == ["later"], "the override is not asked"


@probe()
async def cancel_within_turn(loop):
    """A timer cancelled by another that is due in the same turn does not run"""
    seen = []
    now = loop.time()
    second = None
    loop.call_at(now + 0.001, lambda: second.cancel())
    second = loop.call_at(now + 0.0015, seen.append, "cancelled")
    time.sleep(0.005)
    await asyncio.sleep(0.005)
    assert not seen, "it ran"

"""Deadlines that are past, far, infinite or no numbers, and what debug mode refuses."""

import math
import time

import pytest

from ..support import differential, new_event_loop


def test_overdue_timers_run_in_the_order_of_their_deadlines():
    def scenario(loop, log):
        now = loop.time()
        for n in (5, 3, 9, 1, 7, 0):
            loop.call_at(now + n * 0.0001, log, "timer", n)
        loop.call_at(now - 100, log, "long past")
        loop.call_soon(log, "soon")
        loop.call_later(-5, log, "negative delay")
        loop.call_at(0, log, "at zero")
        loop.call_at(-math.inf, log, "infinitely past")
        time.sleep(0.002)
        loop.call_later(0.0005, loop.stop)
        time.sleep(0.001)
        loop.run_forever()

    differential(scenario)


def test_a_timer_set_by_an_overdue_timer_waits_for_the_next_turn():
    def scenario(loop, log):
        def first():
            log("first")
            loop.call_at(loop.time() - 1, log, "set by the first")
            loop.call_soon(log, "soon")
            loop.call_soon(loop.call_soon, loop.stop)

        loop.call_at(loop.time() - 2, first)
        loop.call_at(loop.time() - 1, log, "second")
        loop.run_forever()

    differential(scenario)


@pytest.mark.parametrize("delay", [math.inf, 1e300, 1e10, 10**9])
def test_a_deadline_that_never_comes(delay):
    """The loop sleeps for other things, and what is stopped can be closed."""

    def scenario(loop, log):
        handle = loop.call_later(delay, log, "never")
        log(handle.when() > loop.time() + 1e8, handle.cancelled())
        loop.call_later(0.002, loop.stop)
        loop.run_forever()
        loop.call_soon_threadsafe(loop.stop)
        loop.run_forever()
        log(handle.cancelled())
        handle.cancel()
        loop.run_until_complete(_turn())

    differential(scenario)


async def _turn():
    pass


def test_only_an_infinite_deadline_and_other_work(loop):
    """It neither raises nor keeps the loop busy: the wait is as long as it can be."""
    import threading

    loop.call_at(math.inf, print)
    timer = threading.Timer(0.02, loop.call_soon_threadsafe, (loop.stop,))
    timer.start()
    used = time.thread_time()
    loop.run_forever()
    assert time.thread_time() - used < 0.015
    timer.join()


def test_nan_is_a_deadline_of_no_order(loop_name):
    """asyncio takes it, and its heap orders it as it happens; other timers still run, and nothing crashes."""
    loop = new_event_loop(loop_name)
    seen = []
    handle = loop.call_later(math.nan, seen.append, "nan")
    assert math.isnan(handle.when())
    handle.cancel()
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    loop.close()
    assert seen == []


@pytest.mark.parametrize("debug", [True, False])
def test_what_is_no_callback(debug):
    """Debug mode refuses coroutines, functions of coroutines and what cannot be called, with asyncio's words."""

    async def function():
        pass

    class Called:
        async def __call__(self):
            pass

    def scenario(loop, log):
        made = function()
        callbacks = [function, 5, None, Called, "text", []]
        if debug:  # without it asyncio keeps them, and calls them in the next turn
            callbacks.append(made)
        for callback in callbacks:
            for label, schedule in (
                ("soon", loop.call_soon),
                ("threadsafe", loop.call_soon_threadsafe),
                ("later", lambda c: loop.call_later(1000, c)),
                ("at", lambda c: loop.call_at(loop.time() + 1000, c)),
                ("executor", lambda c: loop.run_in_executor(None, c)),
                ("reader", lambda c: loop.add_reader(0, c) if debug and c is not Called else None),
                ("signal", lambda c: loop.add_signal_handler(10, c) if debug else None),
            ):
                if label in ("executor", "reader", "signal") and not debug:
                    continue
                if label in ("executor", "reader", "signal") and callback not in (function, made):
                    continue
                handle = log.attempt(label, schedule, callback)
                if handle is not None:
                    handle.cancel()
        loop.remove_reader(0)
        made.close()

    differential(scenario, debug=debug)


def test_who_walks_over_scheduled_finds_every_timer(loop):
    assert list(loop._scheduled) == []
    timers = {loop.call_later(30 + number, print) for number in range(100)}
    loop.call_soon(print)
    assert set(loop._scheduled) == timers
    for timer in loop._scheduled:  # as Home Assistant's tests end what is left
        if not timer.cancelled():
            timer.cancel()
    assert all(timer.cancelled() for timer in timers)

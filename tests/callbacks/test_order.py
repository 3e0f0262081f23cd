"""Which callback runs in which turn, and in which order."""

import asyncio

import pytest

from ..support import differential, turns


def test_call_soon_runs_in_the_order_of_the_calls(loop):
    ran = []
    for i in range(1000):
        loop.call_soon(ran.append, i)
    turns(loop)
    assert ran == list(range(1000))


def test_what_a_callback_schedules_runs_in_the_next_turn(loop):
    ran = []

    def parent(name):
        ran.append(name)
        loop.call_soon(ran.append, f"child of {name}")

    loop.call_soon(parent, "a")
    loop.call_soon(parent, "b")
    turns(loop)
    assert ran == ["a", "b"]
    turns(loop)
    assert ran == ["a", "b", "child of a", "child of b"]


def test_stop_lets_the_rest_of_the_batch_run(loop):
    ran = []
    loop.call_soon(ran.append, 1)
    loop.call_soon(loop.stop)
    loop.call_soon(ran.append, 2)
    loop.call_soon(lambda: loop.call_soon(ran.append, 3))
    loop.run_forever()
    assert ran == [1, 2]
    turns(loop)
    assert ran == [1, 2, 3]


def test_stop_before_run_forever_runs_one_turn(loop):
    ran = []
    loop.call_soon(ran.append, 1)
    loop.stop()
    loop.run_forever()
    assert ran == [1]


def test_stop_called_twice_stops_once(loop):
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.run_forever()
    ran = []
    loop.call_soon(ran.append, 1)
    loop.call_soon(loop.call_soon, loop.stop)
    loop.call_soon(loop.call_soon, ran.append, 2)
    loop.run_forever()
    assert ran == [1, 2]


def test_stop_before_run_until_complete_is_an_error(loop):
    future = loop.create_future()
    loop.stop()
    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed."):
        loop.run_until_complete(future)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_base_exception_leaves_the_rest_of_the_batch_in_order(loop, kind):
    ran = []

    def boom():
        loop.call_soon(ran.append, "scheduled by the one that raised")
        raise kind("boom")

    loop.call_soon(ran.append, 1)
    loop.call_soon(boom)
    loop.call_soon(ran.append, 2)
    loop.call_soon(ran.append, 3)
    with pytest.raises(kind, match="boom"):
        loop.run_forever()
    assert ran == [1]
    assert not loop.is_running()
    turns(loop)
    assert ran == [1, 2, 3, "scheduled by the one that raised"]


def test_base_exception_other_than_those_two_is_reported(loop, reports):
    class Odd(BaseException):
        pass

    def boom():
        raise Odd("boom")

    ran = []
    loop.call_soon(boom)
    loop.call_soon(ran.append, 1)
    turns(loop)
    assert ran == [1]
    context = reports.take_one()
    assert isinstance(context["exception"], Odd)
    assert isinstance(context["handle"], asyncio.Handle)
    assert context["message"].startswith("Exception in callback ")


def test_timers_run_in_the_order_of_their_times(loop):
    ran = []
    now = loop.time()
    for when in (3, 1, 2, 0, 4):
        loop.call_at(now - 1 + when / 1000, ran.append, when)
    turns(loop)
    assert ran == [0, 1, 2, 3, 4]


def test_a_due_timer_runs_after_what_was_ready_before(loop):
    ran = []
    loop.call_at(loop.time() - 1, ran.append, "timer")
    loop.call_soon(ran.append, "soon")
    turns(loop)
    assert ran == ["soon", "timer"]


def test_timers_are_looked_at_in_every_turn(loop):
    """A busy loop does not starve a timer."""
    fired = []
    count = 0

    def spin():
        nonlocal count
        count += 1
        if not fired and count < 10_000_000:
            loop.call_soon(spin)
        else:
            loop.stop()

    loop.call_later(0.01, fired.append, 1)
    loop.call_soon(spin)
    started = loop.time()
    loop.run_forever()
    assert fired
    assert 0.009 < loop.time() - started < 0.5


def test_call_later_waits(loop):
    started = loop.time()
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    assert 0.019 <= loop.time() - started < 1


def test_a_zero_or_negative_delay_fires_in_the_next_turn(loop):
    ran = []
    loop.call_later(0, ran.append, 0)
    loop.call_later(-5, ran.append, -5)
    turns(loop)
    assert sorted(ran) == [-5, 0]


def test_threadsafe_calls_from_the_loops_thread_keep_their_order(loop):
    ran = []
    for i in range(100):
        (loop.call_soon_threadsafe if i % 2 else loop.call_soon)(ran.append, i)
    turns(loop)
    assert ran == list(range(100))


def test_interleaving_of_callbacks_and_tasks():
    def scenario(loop, log):
        async def worker(name, count):
            for i in range(count):
                log(name, i)
                if i % 3 == 2:
                    loop.call_soon(log, name, "soon", i)
                await asyncio.sleep(0)
            return name

        def tick(n):
            log("tick", n)
            if n:
                loop.call_soon(tick, n - 1)

        tasks = [loop.create_task(worker(name, n)) for name, n in (("a", 5), ("b", 3), ("c", 7))]
        for task in tasks:
            task.add_done_callback(lambda t: log("done", t.result()))
        loop.call_soon(tick, 6)
        loop.run_until_complete(asyncio.gather(*tasks))

    assert len(differential(scenario)) > 25


def test_cancelled_handles_keep_the_others_in_order():
    def scenario(loop, log):
        handles = [loop.call_soon(log, i) for i in range(20)]
        timers = [loop.call_at(loop.time() - 1 + i / 100, log, "timer", i) for i in range(20)]
        for i in range(0, 20, 3):
            handles[i].cancel()
            timers[i].cancel()
        loop.call_soon(handles[19].cancel)
        loop.call_soon(timers[19].cancel)
        turns(loop)
        turns(loop)

    differential(scenario)


def test_run_until_complete_returns_in_the_turn_after_the_result():
    def scenario(loop, log):
        async def main():
            loop.call_soon(log, "one turn later")
            loop.call_soon(loop.call_soon, log, "two turns later")
            loop.call_soon(loop.call_soon, loop.call_soon, log, "three turns later")
            return 1

        log("result", loop.run_until_complete(main()))
        turns(loop, 3)

    differential(scenario)

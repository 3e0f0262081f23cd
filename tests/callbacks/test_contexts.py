"""In which context a callback runs: each in a copy of its own, made when it was scheduled."""

import asyncio
import contextvars
import gc
import os
import sys
import threading
import weakref

import pytest

from ..support import differential, turns

VARIABLE: contextvars.ContextVar = contextvars.ContextVar("variable", default="unset")

KEEPER: contextvars.ContextVar = contextvars.ContextVar("keeper")


class Value:
    """What only contexts keep alive."""


def keep_a_value():
    """Let the current context, and copies that are made of it, keep a new value."""
    value = Value()
    KEEPER.set(value)
    return weakref.ref(value)


def set_and_report(seen, value):
    seen.append(VARIABLE.get())
    VARIABLE.set(value)


def test_callbacks_of_one_burst_do_not_see_each_other(loop):
    seen = []

    def burst():
        for i in range(5):
            loop.call_soon(set_and_report, seen, i)

    loop.call_soon(burst)
    turns(loop, 2)
    assert seen == ["unset"] * 5
    assert VARIABLE.get() == "unset"


def test_each_sees_what_was_set_when_it_was_scheduled(loop):
    seen = []

    def burst():
        loop.call_soon(set_and_report, seen, "a")
        token = VARIABLE.set("first")
        loop.call_soon(set_and_report, seen, "b")
        loop.call_soon(set_and_report, seen, "c")
        VARIABLE.set("second")
        loop.call_later(0, set_and_report, seen, "d")
        VARIABLE.reset(token)
        loop.call_soon(set_and_report, seen, "e")
        VARIABLE.set("too late")

    loop.call_soon(burst)
    turns(loop, 4)
    assert sorted(seen) == ["first", "first", "second", "unset", "unset"]


def test_outside_of_a_run(loop):
    def schedule():
        seen = []
        loop.call_soon(set_and_report, seen, 1)
        VARIABLE.set("outside")
        loop.call_soon(set_and_report, seen, 2)
        loop.call_soon(set_and_report, seen, 3)
        turns(loop)
        return seen

    assert contextvars.copy_context().run(schedule) == ["unset", "outside", "outside"]


def test_a_callback_in_another_context_schedules_there(loop):
    seen = []
    other = contextvars.copy_context()
    other.run(VARIABLE.set, "other")

    def burst():
        loop.call_soon(set_and_report, seen, 1)
        other.run(loop.call_soon, set_and_report, seen, 2)
        loop.call_soon(set_and_report, seen, 3)
        other.run(VARIABLE.set, "changed")
        other.run(loop.call_soon, set_and_report, seen, 4)

    loop.call_soon(burst)
    turns(loop, 2)
    assert seen == ["unset", "other", "unset", "changed"]


def test_a_named_context_is_entered_itself(loop):
    context = contextvars.copy_context()
    seen = []
    loop.call_soon(set_and_report, seen, "kept", context=context)
    loop.call_soon(set_and_report, seen, "again", context=context)
    turns(loop)
    assert seen == ["unset", "kept"]
    assert context[VARIABLE] == "again"


def test_threads_schedule_in_their_own_context(loop):
    seen = []

    def thread(value):
        VARIABLE.set(value)
        for _ in range(3):
            loop.call_soon_threadsafe(set_and_report, seen, "no matter")

    for value in ("a", "b"):
        worker = threading.Thread(target=thread, args=(value,))
        worker.start()
        worker.join()
    loop.call_soon(set_and_report, seen, "no matter")
    turns(loop)
    assert seen == ["a"] * 3 + ["b"] * 3 + ["unset"]


def test_a_watcher_keeps_one_context(loop):
    seen = []
    ours, theirs = os.pipe()

    def burst():
        loop.call_soon(set_and_report, seen, "neighbour")
        loop.add_reader(ours, set_and_report, seen, "kept")

    os.write(theirs, b"x")
    loop.call_soon(burst)
    turns(loop, 4)
    loop.remove_reader(ours)
    os.close(ours)
    os.close(theirs)
    assert "neighbour" not in seen
    assert seen.count("unset") == 2
    assert "kept" in seen


@pytest.mark.skipif(sys.version_info < (3, 12), reason="get_context is new in CPython 3.12")
def test_get_context_is_the_one_that_it_runs_in(loop):
    seen = []
    handles = []

    def burst():
        handles.extend(loop.call_soon(set_and_report, seen, "set inside") for _ in range(3))
        contexts = [handle.get_context() for handle in handles]
        assert len({id(context) for context in contexts}) == 3
        contexts[1].run(VARIABLE.set, "from outside")

    loop.call_soon(burst)
    turns(loop, 2)
    assert seen == ["unset", "from outside", "unset"]
    assert [handle.get_context()[VARIABLE] for handle in handles] == ["set inside"] * 3


def test_tasks_of_one_burst_do_not_see_each_other(loop):
    seen = []

    async def work(value):
        set_and_report(seen, value)
        await asyncio.sleep(0)
        set_and_report(seen, value)

    async def main():
        tasks = [asyncio.ensure_future(work(value)) for value in range(3)]
        VARIABLE.set("from here on")
        tasks += [asyncio.ensure_future(work(value)) for value in range(3, 5)]
        loop.call_soon(set_and_report, seen, "callback")
        await asyncio.gather(*tasks)

    loop.run_until_complete(main())
    assert seen == ["unset"] * 3 + ["from here on"] * 3 + list(range(5))
    assert VARIABLE.get() == "unset"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="get_context is new in CPython 3.12")
def test_get_context_of_a_task_before_it_began(loop):
    seen = []

    async def work():
        set_and_report(seen, "inside")

    async def main():
        tasks = [loop.create_task(work()) for _ in range(2)]
        tasks[1].get_context().run(VARIABLE.set, "from outside")
        assert tasks[0].get_context() is not tasks[1].get_context()
        await asyncio.gather(*tasks)
        assert [task.get_context()[VARIABLE] for task in tasks] == ["inside"] * 2

    loop.run_until_complete(main())
    assert seen == ["unset", "from outside"]


def test_a_value_lives_as_long_as_somebody_may_see_it(loop):
    died = []

    def burst():
        weakref.finalize(keep_a_value()(), died.append, "died")
        for _ in range(3):
            loop.call_soon(lambda: died.append("ran"))

    loop.call_soon(burst)
    turns(loop, 3)
    gc.collect()
    assert died == ["ran", "ran", "ran", "died"]


def test_a_value_dies_with_a_cancelled_handle(loop):
    alive = []

    def burst():
        alive.append(keep_a_value())
        loop.call_later(3600, print).cancel()

    loop.call_soon(burst)
    turns(loop, 3)
    gc.collect()
    assert alive[0]() is None


def test_cancelled_timers_let_go_while_there_is_work(loop):
    """A server that is never idle: each request has a value of its own and a timeout that is not needed."""
    values = weakref.WeakSet()
    most = 0

    async def request():
        nonlocal most
        values.add(keep_a_value()())
        most = max(most, len(values))
        handle = loop.call_later(60, print)
        await asyncio.sleep(0)
        handle.cancel()

    async def main():
        idle = [loop.call_later(3600, print) for _ in range(1000)]
        for _ in range(500):
            await loop.create_task(request())
        for handle in idle:
            handle.cancel()

    loop.run_until_complete(main())
    assert most < 10


def test_a_running_handle_can_be_run_again(loop):
    ran = []

    def again():
        ran.append(VARIABLE.get())
        VARIABLE.set("inside")
        if len(ran) == 1:
            with pytest.raises(RuntimeError, match="already entered"):
                handle._context.run(again)
            other._run()

    handle = loop.call_soon(again)
    other = loop.call_soon(again)
    turns(loop)
    assert ran == ["unset", "unset", "inside"]


def test_what_is_no_context():
    def scenario(loop, log):
        loop.call_soon(log, "ran", context=3)
        future = loop.create_future()
        future.add_done_callback(log, context="none")
        future.set_result(None)
        turns(loop)

    differential(scenario)

"""User code that futures call: callbacks, comparisons, reprs and finalizers that raise, re-enter or change the future."""

import asyncio
import gc
import itertools

import pytest

from ..support import LOOPS, PY315, checked_loop, differential, turns


def test_a_callback_that_raises_harms_no_other(world, wloop, wreports):
    future = world.future(wloop)
    seen = []

    def boom(f):
        raise ValueError("boom")

    future.add_done_callback(boom)
    future.add_done_callback(seen.append)
    future.set_result(None)
    turns(wloop)
    assert seen == [future]
    assert isinstance(wreports.take_one()["exception"], ValueError)


def test_callbacks_that_add_and_remove_callbacks(world, wloop):
    future = world.future(wloop)
    seen = []

    def second(f):
        seen.append("second")

    def first(f):
        seen.append("first")
        f.remove_done_callback(second)
        f.add_done_callback(lambda f: seen.append("added"))

    future.add_done_callback(first)
    future.add_done_callback(second)
    future.set_result(None)
    turns(wloop)
    # The second was scheduled together with the first; removing it now comes too late.
    assert seen == ["first", "second"]
    turns(wloop)
    assert seen == ["first", "second", "added"]


def test_evil_eq_that_empties_the_list(world, wloop):
    future = world.future(wloop)
    future.add_done_callback(lambda f: None)

    class Evil:
        def __eq__(self, other):
            future.remove_done_callback(id)
            return False

        __hash__ = None

    for _ in range(5):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())


def test_evil_eq_that_clears_callbacks(world, wloop):
    future = world.future(wloop)

    class Evil:
        def __eq__(self, other):
            if not future.done():
                future.set_result(1)
            return True

        __hash__ = None

    for _ in range(10):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())
    assert future.done()
    turns(wloop)


def test_evil_eq_that_adds_callbacks(world, wloop):
    future = world.future(wloop)
    count = 0

    class Evil:
        def __eq__(self, other):
            nonlocal count
            if count < 100:
                count += 1
                future.add_done_callback(lambda f: None)
            return count % 2 == 0

        __hash__ = None

    for _ in range(5):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())
    future.cancel()
    turns(wloop)


ACTIONS = {
    "cancel": lambda future, log, others: future.cancel(),
    "set_result": lambda future, log, others: future.done() or future.set_result(None),
    "add": lambda future, log, others: future.add_done_callback(lambda f: log("ran", "added")),
    "cancel-and-add": lambda future, log, others: (
        future.cancel(),
        future.add_done_callback(lambda f: log("ran", "added")),
    ),
    "remove-all": lambda future, log, others: [
        log("nested", future.remove_done_callback(other)) for other in others
    ],
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_evil_eq_that_acts_in_one_comparison(count, action):
    """The same comparisons, the same count and the same callbacks as asyncio's, whatever happens in which comparison."""

    def scenario(loop, log, when, answers):
        future = loop.create_future()
        others = [lambda f, n=n: log("ran", n) for n in range(count)]
        comparisons = 0

        class Evil:
            def __eq__(self, other):
                nonlocal comparisons
                comparisons += 1
                log("compare", comparisons)
                if comparisons == when + 1:
                    ACTIONS[action](future, log, others)
                return answers[(comparisons - 1) % count]

            __hash__ = None

        for other in others:
            future.add_done_callback(other)
        log("removed", future.remove_done_callback(Evil()))
        log("left", len(future._callbacks or ()))
        future.cancel()
        turns(loop)

    for when in range(count):
        for answers in itertools.product([False, True], repeat=count):
            # What asyncio loses: the one other callback is found equal, and all that were added meanwhile go with it.
            loses = action == "add" and count == 2 and when == 1 and answers[1]
            if not loses:
                differential(scenario, when, answers)


def test_evil_eq_that_adds_next_to_the_only_other(world, wloop):
    future = world.future(wloop)
    seen = []

    class Evil:
        def __eq__(self, other):
            if other is second:
                future.add_done_callback(lambda f: seen.append("added"))
            return other is second

        __hash__ = None

    def second(f):
        seen.append("second")

    future.add_done_callback(lambda f: seen.append("first"))
    future.add_done_callback(second)
    assert future.remove_done_callback(Evil()) == 1
    future.cancel()
    turns(wloop)
    # asyncio's C drops its whole list there, the new callback included.
    assert seen == (["first"] if type(future) is asyncio.Future else ["first", "added"])


def test_evil_eq_that_raises(world, wloop):
    class Evil:
        def __eq__(self, other):
            raise ZeroDivisionError("evil")

        __hash__ = None

        def __call__(self, future):
            pass

    for count in (1, 2, 3):
        future = world.future(wloop)
        for _ in range(count):
            future.add_done_callback(Evil())
        with pytest.raises(ZeroDivisionError, match="evil"):
            future.remove_done_callback(lambda f: None)
        future.cancel()
        turns(wloop)


def test_evil_eq_that_drops_the_last_reference(world, wloop):
    """gh-97592: the comparison frees the callback it is comparing with."""
    future = world.future(wloop)

    class Evil:
        def __eq__(self, other):
            future.remove_done_callback(keep)
            return False

        __hash__ = None

    def keep(f):
        pass

    future.add_done_callback(keep)
    future.add_done_callback(keep)
    for _ in range(3):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())


def test_evil_call_soon(world, wloop):
    """A loop whose call_soon adds callbacks while the future schedules the ones it has."""

    class EvilLoop:
        def __init__(self):
            self.calls = 0

        def get_debug(self):
            return False

        def call_soon(self, callback, *args, context=None):
            self.calls += 1
            if self.calls < 5:
                future.add_done_callback(lambda f: None)
                future.remove_done_callback(callback)

        def call_exception_handler(self, context):
            raise AssertionError(context)

        def is_running(self):
            return False

    evil = EvilLoop()
    cls = (
        world.future_class
        if world.tasks != "own" or world.loop == "asyncio"
        else type(wloop.create_future())
    )
    future = cls(loop=evil)
    future.add_done_callback(lambda f: 1)
    future.add_done_callback(lambda f: 2)
    future.set_result(1)
    assert evil.calls >= 2


def test_evil_repr_of_a_result(world, wloop):
    class Evil:
        def __repr__(self):
            raise ZeroDivisionError("evil")

    future = world.future(wloop)
    future.set_result(Evil())
    try:
        text = repr(future)
    except ZeroDivisionError:
        pass
    else:
        assert "Evil" in text


def test_evil_del_of_a_result(world, wloop):
    seen = []

    class Evil:
        def __del__(self):
            wloop.call_soon(seen.append, 1)
            future = world.future(wloop)
            future.set_result(2)

    for _ in range(50):
        future = world.future(wloop)
        future.set_result(Evil())
        del future
    gc.collect()
    turns(wloop)
    assert len(seen) == 50


@pytest.mark.skipif("riata" not in LOOPS, reason="riata's own tasks")
@pytest.mark.skipif(PY315, reason="3.15 initialises nothing twice")
def test_initialising_a_task_as_a_future_takes_it_out_of_its_loop():
    import riata

    with checked_loop("riata") as (loop, _), checked_loop("riata") as (other, _):

        async def wait():
            await loop.create_future()

        tasks = [loop.create_task(wait()) for _ in range(3)]
        turns(loop)
        riata.Future.__init__(tasks[1], loop=other)
        assert asyncio.all_tasks(loop) == {tasks[0], tasks[2]}
        for task in tasks:
            task._log_destroy_pending = False
            task.cancel()
        turns(loop)
        turns(other)
        del task, tasks
        gc.collect()


@pytest.mark.skipif(PY315, reason="3.15 initialises nothing twice")
def test_a_foreign_loop_that_initialises_the_future_again(world, wloop):
    """From within `get_debug`, on another loop: the inner `__init__` holds, in all that depends on the loop."""
    cls = world.future_class if world.tasks != "own" else type(wloop.create_future())

    class ForeignLoop(asyncio.AbstractEventLoop):
        again = True
        scheduled = 0

        def get_debug(self):
            if self.again:
                self.again = False
                future.__init__(loop=wloop)
            return False

        def call_soon(self, callback, *args, context=None):
            self.scheduled += 1

    foreign = ForeignLoop()
    future = cls.__new__(cls)
    future.__init__(loop=foreign)
    called = []
    assert future.get_loop() is wloop
    future.add_done_callback(called.append)
    future.set_result(1)
    assert foreign.scheduled == 0
    turns(wloop)
    assert called == [future]
    # And a future of this loop that becomes one of the foreign loop's.
    future = cls(loop=wloop)
    future.__init__(loop=foreign)
    future.add_done_callback(called.append)
    future.set_result(2)
    assert future.get_loop() is foreign
    assert foreign.scheduled == 1
    turns(wloop)
    assert len(called) == 1

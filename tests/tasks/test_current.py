"""`current_task` at every point from which it can be asked."""

import asyncio
import gc
import sys
import threading
import weakref

import pytest

from ..support import run_script, turns


def names(loop=None):
    task = asyncio.current_task(loop)
    return None if task is None else task.get_name()


def test_current_task(world, wloop):
    seen = []

    async def coro():
        seen.append(asyncio.current_task() is task)
        seen.append(asyncio.current_task(wloop) is task)
        await asyncio.sleep(0)
        seen.append(asyncio.current_task() is task)

    task = world.task(wloop, coro())
    assert asyncio.current_task(wloop) is None
    wloop.call_soon(lambda: seen.append(asyncio.current_task() is None))
    wloop.run_until_complete(task)
    assert seen == [True] * 4
    assert asyncio.current_task(wloop) is None
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.current_task()


def test_current_task_in_callbacks_between_steps(world, wloop):
    seen = []

    async def spin():
        for _ in range(3):
            wloop.call_soon(lambda: seen.append(asyncio.current_task()))
            await asyncio.sleep(0)
            assert asyncio.current_task() is not None

    async def main():
        task = asyncio.current_task()
        await asyncio.gather(world.task(wloop, spin()), world.task(wloop, spin()))
        assert asyncio.current_task() is task

    wloop.run_until_complete(world.task(wloop, main()))
    assert seen == [None] * 6


def test_current_task_in_done_callbacks_and_finalizers(world, wloop):
    seen = []

    class Thing:
        def __del__(self):
            seen.append(asyncio.current_task())

    async def coro():
        wloop.call_soon(lambda thing: None, Thing())
        await asyncio.sleep(0)

    task = world.task(wloop, coro())
    task.add_done_callback(lambda t: seen.append(asyncio.current_task()))
    turns(wloop, 4)
    assert seen[-1] is None


def test_within_steps_and_between_them(loop):
    seen = []

    async def work(name):
        for _ in range(2):
            seen.append((name, names()))
            loop.call_soon(lambda: seen.append(("callback", names())))
            await asyncio.sleep(0)
            seen.append((name, names()))

    async def main():
        tasks = [asyncio.ensure_future(work(name)) for name in "ab"]
        for task, name in zip(tasks, "ab", strict=True):
            task.set_name(name)
        await asyncio.gather(*tasks)
        seen.append(("main", names()))

    task = loop.create_task(main())
    task.set_name("main")
    loop.run_until_complete(task)
    assert set(seen) == {
        ("a", "a"),
        ("b", "b"),
        ("main", "main"),
        ("callback", None),
    }


def test_asked_from_outside_of_the_step(loop):
    answers = []

    async def main():
        asking = threading.Thread(target=lambda: answers.append(names(loop)))
        asking.start()
        asking.join()

    task = loop.create_task(main())
    task.set_name("main")
    loop.run_until_complete(task)
    assert answers == ["main"]
    assert asyncio.current_task(loop) is None


def test_none_after_a_step_that_asked_and_one_that_did_not(loop):
    seen = []

    async def asks():
        seen.append(names())

    async def does_not():
        pass

    for make in (asks, does_not):
        task = loop.create_task(make())
        task.set_name(make.__name__)
        loop.run_until_complete(task)
        assert asyncio.current_task(loop) is None
    assert seen == ["asks"]


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
def test_none_after_a_step_that_asked_and_raised(loop, error):
    async def raises():
        assert names() == "raises"
        raise error

    task = loop.create_task(raises())
    task.set_name("raises")
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert asyncio.current_task(loop) is None
    turns(loop)


def test_a_task_that_asked_can_die(loop):
    """asyncio's table must not keep the task that was current last."""
    dead = []

    async def asks():
        assert asyncio.current_task() is not None

    async def main():
        task = asyncio.ensure_future(asks())
        weakref.finalize(task, dead.append, "dead")
        await task
        del task
        await asyncio.sleep(0)
        gc.collect()
        assert dead == ["dead"]

    loop.run_until_complete(main())


def test_the_table_of_asyncio_is_told(loop):
    """What `_enter_task` and `_leave_task` say is what they say on asyncio's loop."""

    async def main():
        task = asyncio.current_task()
        with pytest.raises(RuntimeError, match="while another task"):
            asyncio.tasks._enter_task(loop, object())
        with pytest.raises(RuntimeError, match="does not match|Invalid attempt"):
            asyncio.tasks._leave_task(loop, object())
        asyncio.tasks._leave_task(loop, task)
        assert asyncio.current_task() is None
        asyncio.tasks._enter_task(loop, task)
        assert asyncio.current_task() is task

    loop.run_until_complete(main())
    assert asyncio.current_task(loop) is None


def test_enter_task_is_the_first_to_ask(loop):
    async def main():
        with pytest.raises(RuntimeError, match="while another task"):
            asyncio.tasks._enter_task(loop, object())

    loop.run_until_complete(main())


def test_a_loop_with_a_hash_of_its_own(new_loop):
    base = new_loop()

    class Hashed(type(base)):
        def __hash__(self):
            return 42

        def __eq__(self, other):
            return self is other

    loop = Hashed()
    seen = []

    async def main():
        seen.append(names())
        await asyncio.sleep(0)
        seen.append(names())

    task = loop.create_task(main())
    task.set_name("main")
    try:
        loop.run_until_complete(task)
        assert seen == ["main", "main"]
        assert asyncio.current_task(loop) is None
    finally:
        loop.close()


def test_hashing_a_loop_changes_nothing(loop):
    before = hash(loop)

    async def main():
        assert hash(loop) == before
        assert {loop: 1}[loop] == 1
        assert names() == "main"
        assert hash(loop) == before

    task = loop.create_task(main())
    task.set_name("main")
    loop.run_until_complete(task)
    assert hash(loop) == before


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in CPython 3.12")
def test_around_eager_tasks(loop):
    seen = []

    async def inner(name, asks):
        if asks:
            seen.append(names())
        await asyncio.sleep(0)
        seen.append(names())

    async def main(asks_first):
        if asks_first:
            seen.append(names())
        tasks = [
            asyncio.Task(inner(name, asks), loop=loop, eager_start=True, name=name)
            for name, asks in (("a", True), ("b", False))
        ]
        seen.append(names())
        await asyncio.gather(*tasks)
        seen.append(names())

    for asks_first in (False, True):
        seen.clear()
        loop.set_task_factory(None)
        task = loop.create_task(main(asks_first), name="main")
        loop.run_until_complete(task)
        assert seen == ["main"] * asks_first + ["a", "main", "a", "b", "main"]
        loop.set_task_factory(asyncio.eager_task_factory)
        seen.clear()
        task = loop.create_task(main(asks_first), name="main")
        loop.run_until_complete(task)
        assert seen == ["main"] * asks_first + ["a", "main", "a", "b", "main"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="asyncio keeps it in the thread since 3.14")
def test_asyncio_is_told_without_a_call():
    """riata finds where this Python keeps the current task; if it did not, each step would pay for a call."""
    done = run_script(
        "riata",
        """
        import _asyncio, asyncio
        calls = []
        swap = _asyncio._swap_current_task
        _asyncio._swap_current_task = lambda loop, task: (calls.append(task), swap(loop, task))[1]
        import riata

        async def name():
            await asyncio.sleep(0)
            return asyncio.current_task().get_name()

        async def main():
            while_loading = len(calls)
            assert await asyncio.create_task(name(), name="inner") == "inner"
            assert asyncio.current_task().get_name() == "outer"
            print(while_loading > 0, len(calls) - while_loading)

        with asyncio.Runner(loop_factory=riata.new_event_loop) as runner:
            runner.run(name())
            runner.get_loop().run_until_complete(runner.get_loop().create_task(main(), name="outer"))
        """,
    )
    assert (done.stdout, done.stderr) == ("True 0\n", "")

"""Eager tasks (CPython 3.12 and later)."""

import asyncio
import contextvars

import pytest

from ..support import PY312, PY314, differential, turns

pytestmark = pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")


async def value(result=None):
    return result


def test_runs_to_its_first_suspension_at_once(loop):
    loop.set_task_factory(asyncio.eager_task_factory)
    log = []

    async def coro():
        log.append("started")
        await asyncio.sleep(0)
        log.append("finished")

    async def main():
        task = asyncio.create_task(coro())
        assert log == ["started"]
        assert not task.done()
        await task
        assert log == ["started", "finished"]

    loop.run_until_complete(main())


def test_without_suspension_it_is_done_at_once(loop):
    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(value(5))
        assert task.done() and task.result() == 5
        assert await task == 5
        assert task not in asyncio.all_tasks()

    loop.run_until_complete(main())


def test_exceptions(loop):
    async def boom():
        raise ValueError("boom")

    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(boom())
        assert task.done()
        with pytest.raises(ValueError, match="boom"):
            await task

    loop.run_until_complete(main())


def test_current_task_is_restored(loop):
    async def child():
        inside = asyncio.current_task()
        await asyncio.sleep(0)
        assert asyncio.current_task() is inside
        return inside

    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        me = asyncio.current_task()
        task = asyncio.create_task(child())
        assert asyncio.current_task() is me
        assert await task is task
        assert asyncio.current_task() is me

    loop.run_until_complete(main())


def test_eager_outside_of_a_run_starts_in_the_next_turn(loop):
    loop.set_task_factory(asyncio.eager_task_factory)
    ran = []

    async def coro():
        ran.append(1)

    task = loop.create_task(coro())
    assert ran == []
    loop.run_until_complete(task)
    assert ran == [1]


def test_eager_differential():
    def scenario(loop, log):
        loop.set_task_factory(asyncio.eager_task_factory)
        var = contextvars.ContextVar("var", default="none")

        async def child(name, depth):
            log(name, "start", var.get())
            var.set(name)
            if depth:
                task = asyncio.create_task(child(name + "+", depth - 1))
                log(name, "made", task.done())
                await asyncio.sleep(0)
                log(name, "child", await task)
            log(name, "end", var.get())
            return name

        async def main():
            tasks = [asyncio.create_task(child(f"t{i}", i)) for i in range(4)]
            log([t.done() for t in tasks])
            log(await asyncio.gather(*tasks))
            tasks = [asyncio.create_task(child(f"c{i}", i)) for i in range(3)]
            for task in tasks:
                log(task.cancel())
            log(await asyncio.gather(*tasks, return_exceptions=True))
            async with asyncio.TaskGroup() as group:
                group.create_task(child("grouped", 1))
                group.create_task(value(1))

        loop.run_until_complete(main())

    differential(scenario)


def test_custom_eager_class(loop):
    class Mine(asyncio.Task):
        pass

    async def main():
        loop.set_task_factory(asyncio.create_eager_task_factory(Mine))
        task = asyncio.create_task(value(1))
        assert type(task) is Mine and task.done()
        await task

    loop.run_until_complete(main())


def test_eager_start_argument(world, wloop):
    cls = world.task_class if world.tasks != "own" else type(wloop.create_task(value()))
    turns(wloop)

    async def main():
        task = cls(value(3), loop=wloop, eager_start=True)
        assert task.done() and task.result() == 3
        late = cls(value(4), loop=wloop, eager_start=False)
        assert not late.done()
        return await late

    assert wloop.run_until_complete(main()) == 4


@pytest.mark.skipif(not PY314, reason="create_task(eager_start=) is new in CPython 3.14")
def test_create_task_takes_eager_start(loop):
    async def main():
        task = loop.create_task(value(3), eager_start=True)
        assert task.done()
        task = asyncio.create_task(value(4), eager_start=True, name="named")
        assert task.done() and task.get_name() == "named"

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")
def test_a_destructor_that_starts_eager_tasks(loop):
    """It may run while the loop tells asyncio which task is current."""
    ran = []

    async def eager():
        ran.append(asyncio.current_task())

    class Result:
        def __del__(self):
            asyncio.Task(eager(), loop=loop, eager_start=True)

    if hasattr(loop, "_native_tasks"):
        from riata import Task
    else:
        Task = asyncio.Task

    class NativeResult:
        def __del__(self):
            Task(eager(), loop=loop, eager_start=True)

    async def old(kind):
        return kind()

    async def other():
        await asyncio.sleep(0)

    async def main():
        for _ in range(200):
            for kind in (Result, NativeResult):
                loop.create_task(old(kind))
                loop.create_task(other())
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        return asyncio.current_task()

    task = loop.create_task(main())
    assert loop.run_until_complete(task) is task
    assert len(ran) > 100

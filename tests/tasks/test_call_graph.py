"""asyncio's call graph, which is new in CPython 3.14: who awaits whom."""

import asyncio
import gc
import re
import weakref

import pytest

from ..support import PY314, differential, normal_text

pytestmark = pytest.mark.skipif(
    not PY314, reason="asyncio.capture_call_graph is new in CPython 3.14"
)


def shape(graph):
    """Names of tasks and of functions, without what differs from run to run."""
    return (
        re.sub(
            r"0x\w+", "", normal_text(repr(getattr(graph.future, "get_name", lambda: "future")()))
        ),
        [entry.frame.f_code.co_name for entry in graph.call_stack],
        sorted(shape(parent) for parent in graph.awaited_by),
    )


def test_tasks_that_await_tasks():
    async def scenario(loop, log):
        async def inner():
            await asyncio.sleep(0)
            log(shape(asyncio.capture_call_graph()))
            text = asyncio.format_call_graph()
            log([name in text for name in ("name='inner'", "name='middle'", "name='outer'")])

        async def middle():
            await loop.create_task(inner(), name="inner")

        await loop.create_task(middle(), name="middle")

    differential(scenario)


def test_several_await_one():
    async def scenario(loop, log):
        future = loop.create_future()

        async def waiter():
            await future

        tasks = [loop.create_task(waiter(), name=f"waiter {i}") for i in range(3)]
        future.add_done_callback(log)
        idle = loop.create_task(asyncio.sleep(100), name="idle")
        future.add_done_callback(lambda _: idle.cancel())
        await asyncio.sleep(0)
        log(shape(asyncio.capture_call_graph(future)))
        future.set_result(None)
        await asyncio.gather(*tasks, idle, return_exceptions=True)

    differential(scenario)


def test_tasks_of_asyncio_and_of_riata():
    async def wait(future):
        await future

    async def scenario(loop, log):
        future = loop.create_future()
        task = asyncio.Task(wait(future), loop=loop, name="asyncio's")
        bystander = asyncio.Task(wait(asyncio.sleep(100)), loop=loop)
        future.add_done_callback(bystander.cancel)
        await asyncio.sleep(0)
        log(shape(asyncio.capture_call_graph(future)))
        future.remove_done_callback(bystander.cancel)
        bystander.cancel()
        future.set_result(None)
        await asyncio.wait([task, bystander])

    differential(scenario)


async def gather(*awaitables):
    await asyncio.gather(*awaitables)


async def wait(*awaitables):
    await asyncio.wait([asyncio.ensure_future(each) for each in awaitables])


async def as_completed(*awaitables):
    for each in asyncio.as_completed(awaitables):
        await each


async def as_completed_async(*awaitables):
    async for each in asyncio.as_completed(awaitables):
        await each


async def shield(*awaitables):
    for each in awaitables:
        await asyncio.shield(each)


async def wait_for(*awaitables):
    for each in awaitables:
        await asyncio.wait_for(each, 10)


async def group(*awaitables):
    async with asyncio.TaskGroup() as tasks:
        for each in awaitables:
            tasks.create_task(each)


@pytest.mark.parametrize(
    "through", [gather, wait, as_completed, as_completed_async, shield, wait_for, group]
)
def test_who_awaits_through(through):
    async def scenario(loop, log):
        done = loop.create_future()

        async def child():
            await done
            log(shape(asyncio.capture_call_graph()))

        async def parent():
            await through(child(), child())

        parents = [loop.create_task(parent(), name=f"parent {i}") for i in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        children = [task for task in asyncio.all_tasks() if task.get_coro().__name__ == "child"]
        log(sorted(str(shape(asyncio.capture_call_graph(task))) for task in children))
        done.set_result(None)
        await asyncio.wait(parents)
        # Who has finished is not said to wait.
        log([task._asyncio_awaited_by for task in children])

    differential(scenario)


def test_several_gather_the_same():
    async def scenario(loop, log):
        shared = loop.create_future()
        ours = loop.create_task(gather(shared), name="one")
        theirs = asyncio.Task(gather(shared), loop=loop, name="two")
        third = loop.create_task(wait(shared), name="three")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log(shape(asyncio.capture_call_graph(shared)))
        third.cancel()
        await asyncio.wait([third])
        log(sorted(task.get_name() for task in shared._asyncio_awaited_by))
        shared.set_result(None)
        await asyncio.wait([ours, theirs])
        log(not shared._asyncio_awaited_by)

    differential(scenario)


def test_the_functions_by_hand():
    async def scenario(loop, log):
        add, discard = asyncio.future_add_to_awaited_by, asyncio.future_discard_from_awaited_by
        future, task = loop.create_future(), asyncio.current_task()
        for function in (add, discard):
            for arguments in [(), (future,), (future, task, 1)]:
                try:
                    function(*arguments)
                except TypeError as error:
                    log(re.sub(r"\w+\.", "", str(error)))
            for arguments in [(future, None), (None, task), (1, 2), (future, "task")]:
                log(function(*arguments))
        log(future._asyncio_awaited_by)
        for _ in range(2):
            add(future, task)
            log(future._asyncio_awaited_by == {task})
        discard(future, loop.create_future())
        log(future._asyncio_awaited_by == {task})
        for _ in range(2):
            discard(future, task)
            log(not future._asyncio_awaited_by)

    differential(scenario)


def test_a_ring_of_waiters_is_collected():
    async def scenario(loop, log):
        for _ in range(10):
            one, two = loop.create_future(), loop.create_future()
            asyncio.future_add_to_awaited_by(one, two)
            asyncio.future_add_to_awaited_by(two, one)
            asyncio.future_add_to_awaited_by(two, two)
        reference = weakref.ref(one)
        del one, two
        gc.collect()
        log(reference())

    differential(scenario)

"""asyncio's call graph, which is new in CPython 3.14: who awaits whom."""

import asyncio
import re

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

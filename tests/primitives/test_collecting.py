"""What nobody refers to any more is collected, whatever primitive it is suspended in."""

import asyncio
import contextlib
import gc
import logging
import weakref

import pytest

import riata

from ..support import LOOPS, new_event_loop

BODIES = {
    "Lock": riata.Lock,
    "Semaphore": riata.Semaphore,
    "Condition": riata.Condition,
    "timeout": lambda: riata.timeout(60),
    "TaskGroup": riata.TaskGroup,
}


# A group that is left by GeneratorExit raises a group, which nobody can hear.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("loop_name", LOOPS)
def test_an_abandoned_task_in_the_body_of(loop_name, kind, caplog):
    """Only the cycle through its frame and what it is suspended in holds it; asyncio says so when it is collected."""
    caplog.set_level(logging.CRITICAL, logger="asyncio")

    class Held:
        pass

    held = []

    async def work(loop):
        mark = Held()
        held.append(weakref.ref(mark))
        scope = BODIES[kind]()
        with contextlib.suppress(AttributeError):  # a timeout takes none, and knows its task
            scope.mark = mark
        async with scope:
            mark.future = loop.create_future()
            await mark.future

    async def main(loop):
        for _ in range(3):
            asyncio.ensure_future(work(loop))
        await riata.sleep(0)
        await riata.sleep(0)
        assert len(held) == 3

    loop = new_event_loop(loop_name)
    loop.set_exception_handler(lambda loop, context: None)
    loop.run_until_complete(main(loop))
    gc.collect()
    loop.close()
    del loop
    gc.collect()
    gc.collect()
    assert [reference() for reference in held] == [None] * 3


@pytest.mark.parametrize("kind", BODIES)
def test_what_a_frame_alone_holds_is_not_collected(kind):
    """The lock is held by nothing but the suspended `async with`."""

    async def work():
        async with BODIES[kind]():
            for _ in range(3):
                await asyncio.sleep(0)
                gc.collect()
        return "ended"

    for loop_name in LOOPS:
        loop = new_event_loop(loop_name)
        assert loop.run_until_complete(work()) == "ended"
        loop.close()


@pytest.mark.parametrize("loop_name", LOOPS)
def test_a_wait_for_in_a_cycle_ends_quietly(loop_name, monkeypatch):
    """The collector may close what it drives before it."""
    said = []
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: said.append(unraisable.exc_value))

    async def main():
        operation = riata.wait_for(riata.Event().wait(), 60)
        operation.send(None)
        cycle = [operation]
        cycle.append(cycle)
        del operation, cycle
        gc.collect()

    loop = new_event_loop(loop_name)
    loop.run_until_complete(main())
    loop.close()
    assert said == []


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_task_of_an_operation_that_never_begins():
    class Job:
        def __init__(self, loop):
            self.queue = riata.Queue()
            self.task = loop.create_task(self.queue.put(self))

    loop = new_event_loop("riata")
    loop.set_exception_handler(lambda loop, context: None)
    job = weakref.ref(Job(loop))
    loop.close()
    del loop
    gc.collect()
    assert job() is None

"""What nobody looked at: exceptions never retrieved, tasks destroyed while pending, source tracebacks."""

import asyncio
import gc

import pytest

from ..support import OTHERS, checked_loop, collect, differential, normal_text, run_script, turns


async def boom():
    raise ValueError("boom")


def test_exception_never_retrieved(world, wloop, wreports):
    task = world.task(wloop, boom())
    turns(wloop)
    assert not wreports
    del task
    collect()
    context = wreports.take_one()
    assert context["message"] == "Task exception was never retrieved"
    assert isinstance(context["exception"], ValueError)
    assert asyncio.isfuture(context["future"])
    assert context["future"].done()
    assert set(context) == {"message", "exception", "future"}


def test_future_exception_never_retrieved(world, wloop, wreports):
    future = world.future(wloop)
    future.set_exception(ValueError("boom"))
    del future
    collect()
    context = wreports.take_one()
    assert context["message"].endswith("exception was never retrieved")
    assert isinstance(context["exception"], ValueError)


def test_retrieved_one_way_or_another_is_not_reported(world, wloop, wreports):
    async def awaits():
        try:
            await world.task(wloop, boom())
        except ValueError:
            pass

    wloop.run_until_complete(awaits())
    for retrieve in (
        lambda task: task.exception(),
        lambda task: asyncio.gather(task, return_exceptions=True),
        lambda task: setattr(task, "_log_traceback", False),
    ):
        task = world.task(wloop, boom())
        turns(wloop)
        kept = retrieve(task)
        turns(wloop, 2)
        del task, kept
        collect()
    assert not wreports


def test_log_traceback_attribute(world, wloop):
    future = world.future(wloop)
    assert future._log_traceback is False
    future.set_exception(ValueError())
    assert future._log_traceback is True
    try:
        future._log_traceback = True
        raise AssertionError("accepted")
    except ValueError as error:
        assert str(error) == "_log_traceback can only be set to False"
    future._log_traceback = False
    assert future._log_traceback is False


def test_destroyed_but_pending(world, wloop, wreports):
    async def waits():
        await wloop.create_future()

    task = world.task(wloop, waits(), name="doomed")
    turns(wloop)
    del task
    collect()
    context = wreports.take_one()
    assert context["message"] == "Task was destroyed but it is pending!"
    assert context["task"].get_name() == "doomed"
    assert set(context) == {"message", "task"}
    context.clear()
    wreports.clear()
    collect()
    assert not asyncio.all_tasks(wloop)


def test_destroyed_pending_with_the_log_switched_off(world, wloop, wreports):
    async def waits():
        await wloop.create_future()

    task = world.task(wloop, waits())
    turns(wloop)
    task._log_destroy_pending = False
    del task
    collect()
    assert not wreports


def test_a_task_resurrected_by_the_handler(world, wloop, wreports):
    kept = []
    wloop.set_exception_handler(lambda loop, context: kept.append(context))

    async def waits():
        await wloop.create_future()

    task = world.task(wloop, waits())
    turns(wloop)
    del task
    collect()
    (context,) = kept
    task = context["task"]
    repr(task)
    assert not task.done()
    task._log_destroy_pending = False
    kept.clear()
    del context, task
    collect()


def test_source_tracebacks(world):
    with checked_loop(world.loop, debug=True) as (loop, reports):
        task = world.task(loop, boom())
        future = world.future(loop)
        assert task._source_traceback[-1].name == "test_source_tracebacks" or any(
            frame.name == "test_source_tracebacks" for frame in task._source_traceback
        )
        assert any(frame.name == "test_source_tracebacks" for frame in future._source_traceback)
        turns(loop)
        del task
        collect()
        context = reports.take_one()
        assert any(frame.name == "test_source_tracebacks" for frame in context["source_traceback"])
        future.cancel()


def test_source_traceback_ends_at_the_callers_line():
    def scenario(loop, log):
        task = loop.create_task(boom())
        log(task._source_traceback[-1].name)
        turns(loop)
        task.exception()
        handle = loop.call_later(100, print)
        log(handle._source_traceback[-1].name)
        handle.cancel()
        handle = loop.call_soon(print)
        log(handle._source_traceback[-1].name)
        handle.cancel()

    differential(scenario, debug=True)


def test_differential_reports():
    def scenario(loop, log):
        async def waits():
            await loop.create_future()

        for make in (boom, waits):
            task = loop.create_task(make(), name="named")
            turns(loop)
            log(repr(task))
            del task
            gc.collect()
        future = loop.create_future()
        future.set_exception(KeyError("k"))
        del future
        gc.collect()

        def callback(future):
            raise ZeroDivisionError("in a done callback")

        if (
            not loop.get_debug()
        ):  # there the message is cut where the future's repr names its origin
            future = loop.create_future()
            future.add_done_callback(callback)
            future.set_result(1)
            turns(loop)

    differential(scenario)
    differential(scenario, debug=True)


def test_pending_at_interpreter_exit(loop_name):
    from ..support import run_script

    result = run_script(
        loop_name,
        """
        import asyncio
        from loop_under_test import new_event_loop

        async def waits():
            await asyncio.get_running_loop().create_future()

        loop = new_event_loop()
        task = loop.create_task(waits())
        failed = loop.create_future()
        failed.set_exception(ValueError("boom"))
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_later(1000, print)
        print("end")
        """,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "end\n"


AT_EXIT = {
    "the task is held by the module": "task = loop.create_task(forever()); loop.run_until_complete(asyncio.sleep(0))",
    "the task is held by what it awaits": "loop.create_task(forever()); loop.run_until_complete(asyncio.sleep(0))",
    "the task has not begun": "task = loop.create_task(forever())",
    "the loop is closed": "task = loop.create_task(forever()); loop.run_until_complete(asyncio.sleep(0)); loop.close()",
    "the loop is held by a function": "def held(loop=loop, task=loop.create_task(forever())): pass\nloop.run_until_complete(asyncio.sleep(0)); del loop",
    "the run is left by an exit": "import sys\nasync def main():\n    asyncio.ensure_future(forever())\n    await asyncio.sleep(0)\n    sys.exit()\nloop.run_until_complete(main())",
}


@pytest.mark.parametrize("end", AT_EXIT.values(), ids=list(AT_EXIT))
def test_pending_at_the_interpreters_exit(end):
    """The interpreter goes down with a loop that is open: the same words as from asyncio, and no others."""
    source = (
        "import asyncio\n"
        "from loop_under_test import new_event_loop\n"
        "async def forever():\n"
        "    await asyncio.sleep(1000)\n"
        "loop = new_event_loop()\n"
    )
    said = {}
    for name in ["asyncio", *OTHERS]:
        # CPython's debug build shows each ResourceWarning, with the file that it comes from.
        result = run_script(name, source + end, python=("-W", "ignore::ResourceWarning"))
        assert result.returncode == 0, result.stderr
        said[name] = normal_text(result.stderr)
    assert "Task was destroyed but it is pending!" in said["asyncio"]
    for name in OTHERS:
        assert said[name] == said["asyncio"]

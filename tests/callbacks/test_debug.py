"""Debug mode and the exception handler."""

import asyncio
import logging
import socket
import threading

import pytest

from ..support import PY312, checked_loop, differential, turns


@pytest.fixture
def debug_loop(loop_name):
    with checked_loop(loop_name, debug=True) as (loop, reports):
        loop.reports = reports if hasattr(loop, "__dict__") else None
        yield loop


def test_slow_callbacks_are_logged(debug_loop, caplog):
    import time

    debug_loop.slow_callback_duration = 0.01

    def slow_one():
        time.sleep(0.015)

    with caplog.at_level(logging.WARNING, logger="asyncio"):
        debug_loop.call_soon(slow_one)
        debug_loop.call_soon(lambda: None)
        turns(debug_loop)
    messages = [r.getMessage() for r in caplog.records]
    assert len(messages) == 1
    assert messages[0].startswith("Executing <Handle ")
    assert "slow_one" in messages[0]
    assert " took 0.0" in messages[0] and messages[0].endswith(" seconds")


def test_slow_task_steps_are_logged_with_the_task(debug_loop, caplog):
    import time

    debug_loop.slow_callback_duration = 0.01

    async def slow_coroutine():
        time.sleep(0.015)

    with caplog.at_level(logging.WARNING, logger="asyncio"):
        debug_loop.run_until_complete(slow_coroutine())
    (message,) = [r.getMessage() for r in caplog.records]
    assert message.startswith("Executing <Task ")
    assert "slow_coroutine" in message


def test_slow_callback_duration_default(loop):
    assert loop.slow_callback_duration == 0.1


def test_calls_from_another_thread_raise_in_debug_mode(debug_loop):
    errors = []

    def other():
        for call in (
            lambda: debug_loop.call_soon(print),
            lambda: debug_loop.call_later(0, print),
            lambda: debug_loop.call_at(0, print),
        ):
            try:
                call()
            except RuntimeError as error:
                errors.append(str(error))

    async def main():
        thread = threading.Thread(target=other)
        thread.start()
        await asyncio.to_thread(thread.join)

    debug_loop.run_until_complete(main())
    assert (
        errors
        == ["Non-thread-safe operation invoked on an event loop other than the current one"] * 3
    )


def test_source_traceback_of_a_handle(loop_name):
    with checked_loop(loop_name, debug=True) as (loop, reports):

        def boom():
            raise ValueError("boom")

        loop.call_soon(boom)
        turns(loop)
        context = reports.take_one()
        traceback = context["source_traceback"]
        assert traceback[-1].name == "test_source_traceback_of_a_handle"
        assert traceback[-1].filename == __file__


def test_source_tracebacks_of_what_the_loop_schedules(loop_name):
    """Who added the watcher, ended the future, closed the connection."""

    def boom(*args):
        raise ValueError("boom")

    def names(context):
        return [frame.name for frame in context["source_traceback"]]

    with checked_loop(loop_name, debug=True) as (loop, reports):
        a, b = socket.socketpair()

        def watch():
            loop.add_writer(b, boom)

        watch()
        turns(loop)
        loop.remove_writer(b)
        assert "watch" in names(reports.take()[0])

        def end(future):
            future.set_result(None)

        future = loop.create_future()
        future.add_done_callback(boom)
        end(future)
        turns(loop)
        assert "end" in names(reports.take_one())

        class Protocol(asyncio.Protocol):
            connection_lost = boom

        async def connect():
            return await loop.create_connection(Protocol, sock=a)

        def close(transport):
            transport.close()

        transport, _ = loop.run_until_complete(connect())
        close(transport)
        turns(loop)
        assert "close" in names(reports.take_one())
        b.close()


def test_reports_of_callbacks():
    def scenario(loop, log):
        def boom(*args):
            raise ValueError(f"boom {args}")

        loop.call_soon(boom, 1)
        loop.call_later(0, boom, 2)
        loop.call_soon_threadsafe(boom, 3)
        turns(loop, 3)

    differential(scenario)
    differential(scenario, debug=True)


def test_the_default_handler_logs():
    def scenario(loop, log):
        records = []

        class Sink(logging.Handler):
            def emit(self, record):
                records.append((record.levelname, record.getMessage(), bool(record.exc_info)))

        sink = Sink()
        logger = logging.getLogger("asyncio")
        logger.addHandler(sink)
        try:
            loop.set_exception_handler(None)

            def boom():
                raise ValueError("boom")

            loop.call_soon(boom)
            turns(loop)
            loop.call_exception_handler(
                {"message": "mine", "extra": [1, 2], "exception": KeyError("k")}
            )
            loop.call_exception_handler({})
            loop.default_exception_handler({"message": "direct", "future": loop.create_future()})
            loop.default_exception_handler({"source_traceback": [], "message": "with a traceback"})
        finally:
            logger.removeHandler(sink)
        for level, message, info in records:
            log(level, message, info)

    assert len(differential(scenario)) >= 5


def test_a_handler_gets_the_loop_and_the_context(loop):
    seen = []
    loop.set_exception_handler(lambda *args: seen.append(args))
    context = {"message": "hello"}
    loop.call_exception_handler(context)
    assert seen == [(loop, context)]
    assert seen[0][1] is context
    handler = loop.get_exception_handler()
    assert callable(handler)
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None


def test_a_handler_that_raises_is_logged_and_the_loop_goes_on(loop, caplog):
    def bad(loop, context):
        raise ZeroDivisionError("in the handler")

    def boom():
        raise ValueError("boom")

    ran = []
    loop.set_exception_handler(bad)
    with caplog.at_level(logging.ERROR, logger="asyncio"):
        loop.call_soon(boom)
        loop.call_soon(ran.append, 1)
        turns(loop)
    assert ran == [1]
    assert "Unhandled error in exception handler" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_handler_may_end_the_run(loop, kind):
    def bad(loop, context):
        raise kind("from the handler")

    def boom():
        raise ValueError("boom")

    ran = []
    loop.set_exception_handler(bad)
    loop.call_soon(boom)
    loop.call_soon(ran.append, 1)
    with pytest.raises(kind, match="from the handler"):
        turns(loop)
    assert ran == []
    turns(loop)
    assert ran == [1]


def test_a_default_handler_that_raises_is_logged(loop, caplog):
    with caplog.at_level(logging.ERROR, logger="asyncio"):
        loop.set_exception_handler(None)

        class Bad:
            def __repr__(self):
                raise ZeroDivisionError("in repr")

        loop.call_exception_handler({"message": "m", "bad": Bad()})
    assert "Exception in default exception handler" in caplog.text


@pytest.mark.skipif(
    not PY312, reason="the handler runs in the callback's context since CPython 3.12"
)
def test_the_handler_runs_in_the_context_of_what_failed(loop):
    import contextvars

    var = contextvars.ContextVar("var", default="outside")
    seen = []
    loop.set_exception_handler(lambda *_: seen.append(var.get()))

    def boom():
        raise ValueError("boom")

    context = contextvars.copy_context()
    context.run(var.set, "of the callback")
    loop.call_soon(boom, context=context)
    turns(loop)

    async def failing():
        var.set("of the task")
        raise ValueError("boom")

    async def main():
        task = loop.create_task(failing())
        await asyncio.wait([task])
        del task

    loop.run_until_complete(main())
    import gc

    gc.collect()
    assert seen == ["of the callback", "of the task"]


def test_coroutine_origin_tracking_follows_debug(loop):
    import sys

    async def main():
        return sys.get_coroutine_origin_tracking_depth()

    assert loop.run_until_complete(main()) == 0
    loop.set_debug(True)
    assert loop.run_until_complete(main()) > 0
    assert sys.get_coroutine_origin_tracking_depth() == 0

    async def switch():
        loop.set_debug(False)
        return sys.get_coroutine_origin_tracking_depth()

    loop.call_soon(lambda: None)
    loop.run_until_complete(switch())


def test_never_awaited_coroutine_warns(loop):
    async def coro():
        pass

    with pytest.warns(RuntimeWarning, match="was never awaited"):
        coro()

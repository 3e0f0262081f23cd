"""`graceful`: what it calls, servers to close and functions, whatever these do."""

import asyncio

import pytest

import riata

from ..support import PY312


def test_graceful_survives_its_callbacks():
    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(repr(context["exception"])))

        async def await_a_cancelled_task():
            task = asyncio.create_task(riata.sleep(60))
            await riata.sleep(0)
            task.cancel()
            await task

        def fail():
            raise ValueError("callback")

        began = loop.time()
        async with riata.graceful(drain=0.05, cancel=0.05, signals=()) as stop:
            stop.on_stop(lambda: log.append("last"))
            stop.on_stop(await_a_cancelled_task)
            stop.on_stop(fail)
            stop.on_stop(lambda: riata.sleep(0.01))
            stop.stop()
        assert loop.time() - began < 1
        return log, reports

    assert riata.run(main()) == (["last"], ["ValueError('callback')", "CancelledError()"])


def test_graceful_has_one_deadline_for_all(go, caplog):
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        async with riata.graceful(drain=0.02, cancel=0.02, signals=()) as stop:
            for _ in range(50):
                stop.on_stop(lambda: riata.sleep(60))
            stop.stop()
        assert loop.time() - began < 0.5
        assert stop.stuck == []
        assert [report.split(", ")[-1] for report in reports] == [
            "was cut off",
            "was cut off",
            "were not called before the end",
        ]
        with pytest.raises((TypeError, ValueError)):
            riata.graceful(drain=None)
        with pytest.raises(ValueError, match="cancel must be a number of seconds, not -1"):
            riata.graceful(cancel=-1)

    go(main())
    assert caplog.records == []


def test_graceful_calls_everything_whatever_hangs_or_fails(go):
    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

        class Server:
            def close(self):
                log.append("closed")

        async def hang():
            log.append("hangs")
            try:
                await riata.sleep(60)
            finally:
                log.append("was cut off")

        async def flush():
            await riata.sleep(0.01)
            log.append("flushed")

        with pytest.raises(ValueError, match="body"):
            async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
                stop.closing(Server())
                stop.on_stop(lambda: log.append("first"))
                stop.on_stop(flush)
                stop.on_stop(hang)
                raise ValueError("body")
        assert log == ["closed", "hangs", "was cut off", "flushed", "first"]
        (report,) = reports
        assert "hang" in report and report.endswith(", which graceful() was to call, was cut off")

    go(main())


def test_graceful_calls_what_comes_when_the_end_has_begun(go):
    async def main():
        log = []

        async def flush():
            await riata.sleep(0.005)
            log.append("flushed")

        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.stop()
            await riata.sleep(0.005)
            server = stop.closing(await asyncio.start_server(lambda *_: None, "127.0.0.1", 0))
            assert not server.is_serving()
            stop.on_stop(flush)
            stop.on_stop(lambda: log.append("called"))
        assert log == ["called", "flushed"]

    go(main())


def test_graceful_goes_on_whatever_its_functions_raise(go):
    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["exception"]))

        class Custom(BaseException):
            pass

        class Server:
            def close(self):
                raise asyncio.CancelledError("server")

        def cancelled():
            raise asyncio.CancelledError("function")

        async def custom():
            raise Custom

        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.closing(Server())
            stop.on_stop(lambda: log.append("last"))
            stop.on_stop(custom)
            stop.on_stop(cancelled)
        assert log == ["last"]
        kinds = [type(error) for error in reports]
        assert kinds == [asyncio.CancelledError, asyncio.CancelledError, Custom]

    go(main())


@pytest.mark.parametrize("turns", [0, 1])
def test_graceful_closes_a_server_once_whenever_it_comes(go, turns):
    async def main():
        closed = []

        class Server:
            def close(self):
                closed.append("closed")

        async with riata.graceful(signals=()) as stop:
            stop.stop()
            for _ in range(turns):
                await riata.sleep(0)
            stop.closing(Server())
        assert closed == ["closed"]

    go(main())


@pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")
def test_graceful_on_eager_tasks(go):
    async def main():
        log = []
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        class Server:
            def close(self):
                log.append(("closed", stop.stopping.is_set()))

        def function():
            log.append("called")
            stop.stop()
            stop.closing(Server())
            stop.on_stop(lambda: log.append("called late"))

        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.closing(Server())
            stop.on_stop(function)
            stop.stop()
            await stop.wait()
        asyncio.get_running_loop().set_task_factory(None)
        assert log == [("closed", True), "called", ("closed", True), "called late"]

    go(main())


def test_graceful_closes_all_servers_at_once(go):
    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

        class Server:
            def __init__(self, name):
                self.name = name

            async def close(self):
                log.append(self.name)
                if self.name == "hangs":
                    await riata.sleep(60)

        async with riata.graceful(drain=0.02, cancel=1, signals=()) as stop:
            stop.closing(Server("first"))
            stop.closing(Server("hangs"))
            stop.on_stop(lambda: log.append("called"))
            stop.stop()
            await riata.sleep(0)
            await riata.sleep(0)
            assert sorted(log) == ["called", "first", "hangs"]
            assert "Server.close" in [
                task.get_name().split(".<locals>.")[-1] for task in asyncio.all_tasks()
            ]
        assert stop.stuck == []
        (report,) = reports
        assert "Server.close" in report and report.endswith("was cut off")

    go(main())


def test_graceful_tells_what_was_not_called_when_a_function_ends_the_program(go):
    reports = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

        def leave():
            raise SystemExit(3)

        def flush():
            raise AssertionError("unreachable")

        async with riata.graceful(signals=()) as stop:
            stop.on_stop(flush)
            stop.on_stop(leave)

    with pytest.raises(SystemExit):
        go(main())
    (report,) = reports
    assert "flush" in report and report.endswith("were not called before the end")


def test_graceful_reports_a_call_that_is_cancelled_before_its_first_step(go):
    async def main():
        reports = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

        async def flush():
            raise AssertionError("unreachable")

        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.stop()
            await riata.sleep(0.001)
            stop.on_stop(flush)
            for task in asyncio.all_tasks():
                if "flush" in task.get_name():
                    task.cancel()
        (report,) = reports
        assert "flush" in report and report.endswith("was cut off")

    go(main())


def test_graceful_cuts_every_function_off(go, caplog):
    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))

        async def hang(name):
            try:
                await riata.sleep(60)
            finally:
                log.append(name)

        async with riata.graceful(drain=0.02, cancel=0.02, signals=()) as stop:
            stop.on_stop(lambda: hang("second"))
            stop.on_stop(lambda: hang("first"))
        assert stop.stuck == []
        assert [report.split(", ")[-1] for report in reports] == ["was cut off"] * 2
        return log

    assert go(main()) == ["first", "second"]
    assert caplog.records == []


def test_graceful_goes_on_when_every_task_is_cancelled(go):
    """Programs cancel all tasks but their own: what the end does is not cut short by that, nor unreported."""

    async def main():
        log, reports = [], []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        me = asyncio.current_task()

        async def flush():
            try:
                await riata.sleep(60)
            finally:
                await riata.sleep(0.05)
                log.append("flushed")

        def cancel_the_others():
            for task in asyncio.all_tasks():
                if task not in (me, asyncio.current_task()):
                    task.cancel("tidy")

        async with riata.graceful(drain=5, cancel=5, signals=()) as stop:
            stop.create_task(flush())
            stop.on_stop(lambda: log.append("called"))
            stop.on_stop(cancel_the_others)
            await riata.sleep(0)
        assert log == ["called", "flushed"]
        assert (stop.stuck, reports) == ([], [])

        # At the very beginning, before a function is called.
        async with riata.graceful(drain=5, cancel=5, signals=()) as stop:
            stop.create_task(flush())
            stop.on_stop(lambda: log.append("not called"))
            await riata.sleep(0)
            stop.stop()
            loop.call_soon(cancel_the_others)
        assert log[2:] == ["flushed"] or log[2:] == ["not called", "flushed"]
        assert len(reports) == (1 if log[2:] == ["flushed"] else 0)

    go(main())


def test_graceful_leaves_the_functions_of_another_block_alone(go):
    async def main():
        log = []

        async def slow():
            await riata.sleep(0.2)
            log.append("slow")

        async def service():
            async with riata.graceful(drain=0.01, cancel=0.01, signals=()):
                await program.wait()
            log.append("service")

        async with riata.graceful(drain=5, cancel=5, signals=()) as program:
            program.on_stop(slow)
            program.create_task(service())
            await riata.sleep(0.01)
            program.stop()
        assert log == ["service", "slow"]

    go(main())


def test_graceful_closes_all_servers_when_one_ends_the_program():
    log, reports = [], []

    class Server:
        def __init__(self, number):
            self.number = number

        def close(self):
            log.append(self.number)
            if self.number == 2:
                raise SystemExit(3)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        async with riata.graceful(drain=0.1, cancel=0.1, signals=()) as stop:
            for number in (1, 2, 3):
                stop.closing(Server(number))
            stop.on_stop(lambda: log.append("called"))

    with pytest.raises(SystemExit, match="3"):
        riata.run(main())
    assert log == [3, 2, 1]
    assert any(report.endswith("were not called before the end") for report in reports)

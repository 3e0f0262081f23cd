"""`graceful`: what stops, in which order and how long it may take; what it gives back, and what it does not fall over."""

import asyncio
import contextlib
import os
import signal
import threading

import pytest

import riata

from ..support import PY312
from .shared import needs_uncancel, slow_to_end, value


def test_graceful_drains_then_cancels(go):
    async def main():
        log = []

        async def request(name, seconds):
            try:
                await riata.sleep(seconds)
                log.append((name, "finished"))
            except asyncio.CancelledError as error:
                log.append((name, *error.args))
                raise

        before = signal.getsignal(signal.SIGTERM)
        async with riata.graceful(drain=0.05, cancel=1) as stop:
            server = stop.closing(await asyncio.start_server(lambda *_: None, "127.0.0.1", 0))
            stop.create_task(request("quick", 0.01))
            asyncio.create_task(request("slow", 60))
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
            await stop.wait()
            assert not server.is_serving()
        assert stop.stuck == []
        assert signal.getsignal(signal.SIGTERM) is before
        return log

    assert go(main()) == [("quick", "finished"), ("slow", "the program stops")]


def test_graceful_names_who_does_not_stop(go, caplog):
    async def main():
        release = riata.Event()

        async def stubborn():
            while not release.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await release.wait()

        async with riata.graceful(drain=0.01, cancel=0.01, signals=()) as stop:
            task = stop.create_task(stubborn(), name="stubborn")
            await riata.sleep(0)
            stop.stop()
            await stop.wait()
        assert stop.stuck == ["stubborn"]
        release.set()
        await task

    go(main())
    (record,) = caplog.records
    assert "task 'stubborn' did not stop" in record.getMessage()
    assert "await release.wait()" in record.getMessage()


def test_graceful_second_signal_does_not_wait(go):
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            task = stop.create_task(value(1, 60))
            loop.call_later(0.01, stop.stop)
            loop.call_later(0.02, stop.stop)
            await stop.wait()
        assert task.cancelled()
        assert loop.time() - began < 10

    go(main())


def test_graceful_nests_and_gives_handlers_back(go):
    async def main():
        heard = []
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, heard.append, "before")
        async with riata.graceful(signals=[signal.SIGUSR1]) as outer:
            async with riata.graceful(signals=[signal.SIGUSR1]) as inner:
                os.kill(os.getpid(), signal.SIGUSR1)
                await inner.wait()
            assert not outer.stopping.is_set()
            os.kill(os.getpid(), signal.SIGUSR1)
            await outer.wait()
        os.kill(os.getpid(), signal.SIGUSR1)
        await riata.sleep(0.01)
        loop.remove_signal_handler(signal.SIGUSR1)
        return heard

    assert go(main()) == ["before"]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_graceful_blocks_that_are_left_in_another_order_than_entered(go, first):
    async def main():
        heard = []
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, heard.append, "before")
        stops = []
        enter = [riata.Event() for _ in range(3)]
        leave = [riata.Event() for _ in range(3)]

        async def program(number):
            await enter[number].wait()
            async with riata.graceful(signals=[signal.SIGUSR1, signal.SIGUSR1]) as stop:
                stops.append(stop)
                await leave[number].wait()

        # Tasks that were there before are not waited for.
        tasks = [asyncio.create_task(program(number)) for number in range(3)]
        for event in enter:
            event.set()
            await riata.sleep(0.001)
        leave[first].set()
        await asyncio.wait([tasks[first]])
        earlier, last = sorted({0, 1, 2} - {first})
        os.kill(os.getpid(), signal.SIGUSR1)
        await stops[last].wait()
        assert not stops[earlier].stopping.is_set()
        for number in (earlier, last):
            leave[number].set()
            await asyncio.wait([tasks[number]])
        assert heard == []
        os.kill(os.getpid(), signal.SIGUSR1)
        await riata.sleep(0.01)
        loop.remove_signal_handler(signal.SIGUSR1)
        return heard

    assert go(main()) == ["before"]


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


async def serve_forever(stop):
    server = stop.closing(await asyncio.start_server(lambda *_: None, "127.0.0.1", 0))
    await server.serve_forever()


async def run_a_group(stop):
    async with riata.TaskGroup() as group:
        group.create_task(riata.sleep(60))


async def wait_for_ever(stop):
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("body", [serve_forever, run_a_group, wait_for_ever])
def test_graceful_ends_a_body_that_does_not_ask_for_the_signal(go, body):
    async def main():
        task = asyncio.current_task()
        async with riata.graceful(drain=0.02, cancel=1) as stop:
            asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
            await body(stop)
            raise AssertionError("unreachable")
        assert stop.stopping.is_set()
        assert stop.stuck == []
        if hasattr(task, "cancelling"):
            assert task.cancelling() == 0
        await riata.sleep(0)

    go(main())


def test_graceful_lets_the_body_finish_while_it_drains(go):
    async def main():
        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.stop()
            await riata.sleep(0.01)
            finished = True
        assert finished

    go(main())


def test_graceful_does_not_swallow_a_request_from_outside(go):
    needs_uncancel(go)

    async def main():
        async def program():
            async with riata.graceful(drain=0.01, cancel=0.05, signals=()) as stop:
                stop.stop()
                try:
                    await riata.sleep(60)
                finally:
                    with contextlib.suppress(asyncio.CancelledError):
                        await riata.sleep(0.02)

        task = asyncio.create_task(program())
        await riata.sleep(0.02)
        task.cancel("from outside")
        await asyncio.wait([task])
        assert task.cancelled()

    go(main())


def test_graceful_keeps_the_exception_that_the_body_makes_of_it(go):
    async def main():
        with pytest.raises(ValueError, match="clean-up"):
            async with riata.graceful(drain=0.01, cancel=60, signals=()) as stop:
                task = stop.create_task(slow_to_end(0.02))
                stop.stop()
                try:
                    await riata.sleep(60)
                finally:
                    raise ValueError("clean-up")

        assert task.cancelled() and stop.stuck == []
        await riata.sleep(0)
        if hasattr(asyncio.current_task(), "cancelling"):
            assert asyncio.current_task().cancelling() == 0

    go(main())


def test_graceful_signals_cut_each_waiting_short(go, caplog):
    async def main():
        loop = asyncio.get_running_loop()
        release = riata.Event()
        before = signal.getsignal(signal.SIGTERM)

        def is_guarded():
            return signal.getsignal(signal.SIGTERM) is not before

        def send():
            if is_guarded():
                os.kill(os.getpid(), signal.SIGTERM)
                loop.call_later(0.02, send)

        async def stubborn():
            while not release.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await release.wait()

        began = loop.time()
        async with riata.graceful(drain=60, cancel=60) as stop:
            task = stop.create_task(stubborn(), name="stubborn")
            loop.call_later(0.01, send)
            # The body itself does not stop either, until it is given up and signals are what they were before.
            await stubborn_body(is_guarded)
        assert loop.time() - began < 20
        assert "stubborn" in stop.stuck and asyncio.current_task().get_name() in stop.stuck
        release.set()
        await task

    async def stubborn_body(goes_on):
        while goes_on():
            with contextlib.suppress(asyncio.CancelledError):
                await riata.sleep(0.002)

    go(main())
    text = "\n".join(record.getMessage() for record in caplog.records)
    # All awaits, down to the last.
    assert "in main" in text and "in stubborn_body" in text and "await riata.sleep(0.002)" in text


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


def test_graceful_outside_the_main_thread(go):
    async def main():
        with pytest.raises(RuntimeError, match=r"the main thread only: .* pass signals=\(\)"):
            async with riata.graceful():
                raise AssertionError("unreachable")
        async with riata.graceful(signals=()) as stop:
            stop.stop()
            await stop.wait()

    raised = []

    def run():
        try:
            go(main())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert raised == []


def test_graceful_needs_a_task_and_a_single_entry(go):
    async def main():
        loop = asyncio.get_running_loop()
        outcome = loop.create_future()

        def enter():
            try:
                riata.graceful().__aenter__().send(None)
            except BaseException as error:
                outcome.set_result(error)

        loop.call_soon(enter)
        assert str(await outcome) == "graceful should be used inside a task"
        stop = riata.graceful(signals=())
        async with stop:
            with pytest.raises(RuntimeError, match="graceful has already been entered"):
                await stop.__aenter__()

    go(main())


def test_graceful_that_is_told_before_it_is_entered(go):
    async def main():
        log = []
        stop = riata.graceful(drain=0.01, cancel=1, signals=())
        stop.on_stop(lambda: log.append("called"))
        stop.stop()
        async with stop:
            await riata.sleep(60)
            raise AssertionError("unreachable")
        assert log == ["called"]

    go(main())


def test_graceful_is_not_left_before_the_end_by_a_request_to_cancel(go):
    async def main():
        log = []

        async def program():
            async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
                stop.create_task(finish())

        async def finish():
            await riata.sleep(0.02)
            log.append("finished")

        task = asyncio.create_task(program())
        await riata.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert log == ["finished"]

    go(main())


def test_graceful_gives_handlers_back_when_it_cannot_set_all(go):
    async def main():
        before = signal.getsignal(signal.SIGUSR1)
        with pytest.raises(RuntimeError):
            async with riata.graceful(signals=[signal.SIGUSR1, signal.SIGKILL]):
                raise AssertionError("unreachable")
        assert signal.getsignal(signal.SIGUSR1) is before

    go(main())


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1, "x", None])
def test_graceful_refuses_what_is_no_time(go, seconds):
    async def main():
        with pytest.raises((TypeError, ValueError), match="drain must be a number of seconds"):
            riata.graceful(drain=seconds)
        with pytest.raises(TypeError, match="signals must be an iterable of .*, not 15"):
            riata.graceful(signals=15)
        with pytest.raises(TypeError, match="a function is needed, not 3"):
            riata.graceful().on_stop(3)
        with pytest.raises(TypeError, match=r"needs a method close\(\), unlike 3"):
            riata.graceful().closing(3)

    go(main())


def test_graceful_whose_request_comes_when_the_body_is_at_its_end(go):
    async def main():
        async with riata.graceful(drain=0, cancel=1, signals=()) as stop:
            stop.stop()
            await riata.sleep(0)
            # The end has begun, and cancels the body in one of the next turns: it leaves without another await.
            while asyncio.current_task() not in stop._cancelled:
                try:
                    await riata.sleep(0)
                except asyncio.CancelledError:
                    break
        await riata.sleep(0)
        if hasattr(asyncio.current_task(), "cancelling"):
            assert asyncio.current_task().cancelling() == 0

    go(main())


def test_graceful_that_is_told_to_cancel_a_body_that_ends_in_the_same_turn(go):
    async def main():
        async with riata.graceful(drain=60, cancel=1, signals=()) as stop:
            stop.stop()
            await riata.sleep(0.001)
            stop._cancel_all(stop._tasks())
        await riata.sleep(0)
        if hasattr(asyncio.current_task(), "cancelling"):
            assert asyncio.current_task().cancelling() == 0

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


def test_graceful_cancels_what_a_clean_up_leaves_behind_and_nothing_that_it_waits_for(go):
    async def main():
        log = []

        async def flush():
            await riata.sleep(0.01)
            log.append("flushed")

        async def forever():
            try:
                await riata.sleep(60)
            except asyncio.CancelledError as error:
                log.append(error.args[0])
                raise

        async def worker():
            try:
                await riata.sleep(60)
            finally:
                orphans.append(asyncio.create_task(forever()))
                await asyncio.create_task(flush())

        orphans = []
        async with riata.graceful(drain=0.01, cancel=60, signals=()) as stop:
            stop.create_task(worker())
        assert log == ["flushed", "the program stops"]
        assert stop.stuck == [] and orphans[0].cancelled()

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


def test_graceful_inside_a_shield(go):
    async def main():
        ready = riata.Event()
        stops = []

        async def program():
            async with riata.shielded(timeout=None):
                async with riata.graceful(drain=0.01, cancel=5, signals=()) as stop:
                    stops.append(stop)
                    ready.set()
                    await riata.sleep(60)
                    raise AssertionError("unreachable")
                assert stop.stuck == []
            await riata.sleep(0)
            return "not cancelled"

        task = asyncio.create_task(program())
        await ready.wait()
        stops[0].stop()
        return await task

    assert go(main()) == "not cancelled"


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


def test_graceful_inside_another_that_stops_too(go):
    needs_uncancel(go)

    async def main():
        log = []

        async def program():
            async with riata.graceful(drain=0.02, cancel=1, signals=()) as outer:
                async with riata.graceful(drain=0, cancel=1, signals=()) as inner:
                    inner.create_task(slow_to_end(0.05))
                    await riata.sleep(0)
                    inner.stop()
                    outer.stop()
                    await riata.sleep(60)
                log.append("inner left")
                try:
                    await riata.sleep(60)
                finally:
                    log.append("outer cancelled")
            log.append((outer.stuck, inner.stuck, asyncio.current_task().cancelling()))
            await riata.sleep(0)

        await asyncio.create_task(program())
        return log

    # The request of the outer one comes while the inner one ends, and leaves it.
    assert go(main()) == [([], [], 0)]


def test_graceful_that_another_task_leaves(go):
    async def main():
        async def fixture():
            async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
                yield stop

        generator = fixture()
        stop = await asyncio.create_task(generator.__anext__())
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(generator.__anext__())
        assert stop.stuck == []

    async def within(seconds, coro):
        return await riata.wait_for(coro, seconds)

    go(within(20, main()))


async def wait_in_a_group(task):
    async def wait():
        await task

    async with riata.TaskGroup() as group:
        group.create_task(wait())


@pytest.mark.parametrize(
    "wait",
    [
        lambda task: task,
        lambda task: asyncio.wait([task]),
        lambda task: riata.wait([task]),
        lambda task: asyncio.gather(task, riata.sleep(0)),
        lambda task: riata.gather(task, riata.sleep(0)),
        lambda task: asyncio.shield(task),
        lambda task: riata.shield(task),
        lambda task: asyncio.wait([task, asyncio.ensure_future(riata.sleep(0.01))]),
        lambda task: asyncio.wait([task], timeout=100),
        lambda task: riata.wait([task], timeout=100),
        lambda task: riata.wait_for(task, 100),
        lambda task: riata.wait_for(riata.shield(task), 100),
        lambda task: asyncio.wait_for(task, 100),
        lambda task: within(100, task),
        wait_in_a_group,
    ],
)
def test_graceful_does_not_wait_for_those_that_await_it(go, wait, caplog):
    async def main():
        async def serve():
            async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
                await ready.wait()
                stop.stop()
            return stop.stuck

        async def monitor():
            ready.set()
            await wait(server)

        ready = riata.Event()
        server = asyncio.create_task(serve())
        await riata.sleep(0)
        monitoring = asyncio.create_task(monitor())
        done, _ = await asyncio.wait([server], timeout=20)
        assert done and server.result() == []
        await monitoring

    go(main())
    assert caplog.records == []


@pytest.mark.parametrize(
    "wait",
    [
        lambda task, _: asyncio.wait([task], timeout=0.02),
        lambda task, _: riata.wait([task], timeout=0.02),
        lambda task, _: riata.wait_for(asyncio.shield(task), 0.02),
        lambda task, _: riata.wait([task, a_future()], return_when=asyncio.FIRST_COMPLETED),
        lambda _, lock: lock.acquire(),
        lambda _, lock: within(0.02, lock.acquire()),
    ],
)
def test_graceful_waits_for_those_that_something_else_wakes(go, wait):
    needs_uncancel(go)

    async def main():
        log = []
        lock = riata.Lock()
        body = asyncio.current_task()

        async def save():
            with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
                await wait(body, lock)
            await riata.sleep(0.005)
            log.append("saved")

        await lock.acquire()
        async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
            stop.create_task(save())
            asyncio.get_running_loop().call_later(0.05, lock.release)
        assert log == ["saved"]

    go(main())


def test_graceful_waits_for_those_that_a_timeout_wakes(go):
    if go.loop == "asyncio":
        pytest.skip("asyncio's tasks do not tell that a timeout will end what they wait for")

    async def main():
        log = []
        body = asyncio.current_task()

        async def save():
            with contextlib.suppress(riata.TimeoutError):
                await within(0.02, riata.shield(body))
            log.append("saved")

        async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
            stop.create_task(save())
        assert log == ["saved"]

    go(main())


async def within(seconds, awaitable):
    async with riata.timeout(seconds):
        await awaitable


def a_future():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.02, future.set_result, None)
    return future


def test_graceful_has_no_word_for_a_task_that_comes_when_all_is_over(go, caplog):
    async def main():
        log = []

        async def innocent():
            log.append("ran")

        def later(turns):
            if turns:
                asyncio.get_running_loop().call_soon(later, turns - 1)
            else:
                asyncio.create_task(innocent())

        for turns in range(20):
            async with riata.graceful(signals=()) as stop:
                later(turns)
            await riata.sleep(0.001)
            assert stop.stuck == []
        return log

    assert go(main()) == ["ran"] * 20
    assert caplog.records == []


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


def test_graceful_is_not_cancelled_by_a_task_that_awaits_the_program(go):
    needs_uncancel(go)

    async def main():
        async def serve():
            async with riata.graceful(drain=0.05, cancel=0.05, signals=()):
                await riata.sleep(0.001)
            await riata.sleep(0)
            return asyncio.current_task().cancelling()

        async def watch():
            with contextlib.suppress(asyncio.CancelledError):
                await riata.race(server, riata.sleep(60))

        server = asyncio.create_task(serve())
        await riata.sleep(0)
        watching = asyncio.create_task(watch())
        assert await server == 0
        await watching

    go(main())


def test_graceful_looks_at_each_future_once(go):
    async def main():
        looked_at = []

        class Watched(asyncio.Future):
            _asyncio_future_blocking = False

            @property
            def _callbacks(self):
                looked_at.append(self)
                return super()._callbacks

            def __await__(self):
                if not self.done():
                    self._asyncio_future_blocking = True
                    yield self

        async with riata.graceful(drain=60, cancel=60, signals=()) as stop:
            shared = Watched()
            for _ in range(500):
                stop.create_task(awaited(shared))
            await riata.sleep(0)
            stop.stop()
            asyncio.get_running_loop().call_later(0.01, shared.set_result, None)
        assert len(looked_at) < 100

    go(main())


async def awaited(awaitable):
    await awaitable

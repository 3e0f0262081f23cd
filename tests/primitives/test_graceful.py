"""`graceful`: what stops, in which order and how long it may take; which request to cancel is whose."""

import asyncio
import contextlib
import os
import signal

import pytest

import riata

from .shared import needs_uncancel, slow_to_end


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

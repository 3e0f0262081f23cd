"""`map`, `gather(limit=)`, `race`, `first_success`, `time_left`, `shielded`, `graceful`: results, failures, cancellation."""

import asyncio
import contextlib
import os
import signal

import pytest

import riata

from ..support import PY311


async def value(result, seconds=0.0):
    await riata.sleep(seconds)
    return result


async def boom(text="boom", seconds=0.0):
    await riata.sleep(seconds)
    raise ValueError(text)


def needs_uncancel(go):
    if not PY311 and go.loop == "asyncio":
        pytest.skip("asyncio's tasks of 3.10 take no request back")


def test_map_streams_with_back_pressure(go):
    async def main():
        started = []

        async def double(number):
            started.append(number)
            await riata.sleep(0)
            return 2 * number

        async def endless():
            number = 0
            while True:
                yield number
                number += 1

        got = []
        async with contextlib.aclosing(riata.map(double, endless(), limit=3)) as results:
            async for result in results:
                got.append(result)
                assert len(started) - len(got) <= 3
                await riata.sleep(0.001)
                if result == 20:
                    break
        return got

    assert go(main()) == list(range(0, 22, 2))


@pytest.mark.parametrize("ordered", [True, False])
def test_map_passes_on_a_failure_and_cleans_up(go, ordered):
    async def main():
        ended = []

        async def work(number):
            try:
                if number == 2:
                    raise ValueError("two")
                await riata.sleep(60 if number > 2 else 0)
                return number
            finally:
                ended.append(number)

        got = []
        with pytest.raises(ValueError, match="two"):
            async for result in riata.map(work, range(10), limit=4, ordered=ordered):
                got.append(result)
        assert got == [0, 1]
        assert len(asyncio.all_tasks()) == 1
        assert set(ended) >= {0, 1, 2, 3}

    go(main())


def test_map_with_a_timeout_for_each_call(go):
    async def main():
        async def work(seconds):
            return await value(seconds, seconds)

        with pytest.raises(riata.TimeoutError):
            async for _ in riata.map(work, [0, 60], limit=2, timeout=0.01):
                pass
        with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
            async for _ in riata.map(work, [], limit=0):
                pass
        return [result async for result in riata.map(work, [0.02, 0], limit=2, ordered=False)]

    needs_uncancel(go)
    assert go(main()) == [0, 0.02]


def test_map_that_is_cancelled(go):
    async def main():
        async def consume():
            async for _ in riata.map(lambda n: value(n, 60), range(5), limit=2):
                pass

        task = asyncio.create_task(consume())
        await riata.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and len(asyncio.all_tasks()) == 1

    go(main())


def test_gather_with_a_limit(go):
    async def main():
        running = most = 0

        async def work(number):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await riata.sleep(0.001)
            running -= 1
            return number

        assert await riata.gather(*map(work, range(9)), limit=2) == list(range(9))
        assert most == 2
        late = value("late")
        with pytest.raises(ValueError, match="boom"):
            await riata.gather(boom(), late, limit=1)
        assert late.cr_frame is None
        mixed = await riata.gather(boom(), value(1), limit=1, return_exceptions=True)
        assert [str(result) for result in mixed] == ["boom", "1"]
        waiting = riata.gather(value(1, 60), value(2), limit=1)
        await riata.sleep(0)
        await riata.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
            riata.gather(value(1), limit=0)

    go(main())


def test_race(go):
    async def main():
        cleaned = []

        async def loser():
            try:
                await riata.sleep(60)
            finally:
                await riata.sleep(0.005)
                cleaned.append("loser")

        assert await riata.race(value("fast", 0.001), loser()) == "fast"
        assert cleaned == ["loser"]
        with pytest.raises(ValueError, match="boom"):
            await riata.race(boom(), loser())
        with pytest.raises(ValueError, match="at least one"):
            await riata.race()
        racing = asyncio.create_task(riata.race(loser(), loser()))
        await riata.sleep(0.001)
        racing.cancel()
        await asyncio.wait([racing])
        assert racing.cancelled() and len(cleaned) == 4

    go(main())


def test_first_success(go):
    async def main():
        assert await riata.first_success(boom(), value("ok", 0.005), value("slow", 60)) == "ok"
        with pytest.raises(BaseException) as caught:
            await riata.first_success(boom("a", 0.002), boom("b"))
        assert [str(error) for error in caught.value.exceptions] == ["a", "b"]
        with pytest.raises(ValueError, match="at least one"):
            await riata.first_success()

    go(main())


def test_time_left(go):
    async def main():
        assert riata.time_left() is None
        async with riata.timeout(100):
            assert 99 < riata.time_left() <= 100
            async with riata.timeout(None):
                async with riata.timeout(200):
                    assert 99 < riata.time_left() <= 100

            async def child():
                async with riata.timeout(50):
                    return riata.time_left()

            assert 49 < await asyncio.create_task(child()) <= 50
            assert 49 < await riata.wait_for(child(), 70) <= 50
            later = asyncio.create_task(read_later())
        assert riata.time_left() is None
        # The timeout under which a task was made no longer counts once it is over.
        assert await later is None

    async def read_later():
        await riata.sleep(0.001)
        return riata.time_left()

    go(main())


def test_the_note_of_a_timeout(go):
    async def main():
        event = riata.Event()
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.timeout(0.005):
                await event.wait()
        (note,) = caught.value.__notes__
        assert str(caught.value) == ""
        assert note.startswith("the timeout of 0.005 s, set in ")
        assert f"{__file__}:" in note
        assert " has passed while awaiting Event.wait of <riata.Event object at " in note

    needs_uncancel(go)
    go(main())


def test_shielded_holds_a_cancellation_back(go):
    async def main():
        log = []

        async def work():
            try:
                async with riata.shielded(timeout=60):
                    log.append("began")
                    async with riata.timeout(0.005) as inner:
                        with contextlib.suppress(riata.TimeoutError):
                            async with riata.timeout(0.001):
                                await riata.sleep(60)
                        log.append("inner timeouts work")
                    assert not inner.expired()
                    await riata.sleep(0.01)
                    log.append("finished")
                log.append("not reached")
            except asyncio.CancelledError as error:
                log.append(error.args)
                raise

        task = asyncio.create_task(work())
        await riata.sleep(0.002)
        task.cancel("stop")
        assert not task.done()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    needs_uncancel(go)
    assert go(main()) == ["began", "inner timeouts work", "finished", ("stop",)]


def test_shielded_not_for_ever(go):
    async def main():
        with pytest.raises(riata.TimeoutError):
            async with riata.shielded(timeout=0.005):
                await riata.sleep(60)
        async with riata.shielded(timeout=1):
            async with riata.TaskGroup() as group:
                group.create_task(value(1))
        with pytest.raises(BaseException) as caught:
            async with riata.shielded(timeout=60):
                async with riata.TaskGroup() as group:
                    group.create_task(boom())
                    await riata.sleep(60)
        assert [str(error) for error in caught.value.exceptions] == ["boom"]
        task = asyncio.current_task()
        assert task.cancel.__self__ is task
        if PY311:
            assert task.cancelling() == 0

    needs_uncancel(go)
    go(main())


def test_shields_nest(go):
    async def main():
        log = []

        async def work():
            async with riata.shielded(timeout=60):
                async with riata.shielded(timeout=60):
                    await riata.sleep(0.005)
                log.append("inner")
                await riata.sleep(0.005)
                log.append("outer")
            log.append("not reached")

        task = asyncio.create_task(work())
        await riata.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    go(main())
    assert go(main()) == ["inner", "outer"]


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
            assert server.is_serving()
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

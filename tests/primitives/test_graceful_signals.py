"""`graceful`: signals, and the handlers that were there before."""

import asyncio
import contextlib
import os
import signal
import threading

import pytest

import riata

from .shared import value


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


def test_graceful_gives_handlers_back_when_it_cannot_set_all(go):
    async def main():
        before = signal.getsignal(signal.SIGUSR1)
        with pytest.raises(RuntimeError):
            async with riata.graceful(signals=[signal.SIGUSR1, signal.SIGKILL]):
                raise AssertionError("unreachable")
        assert signal.getsignal(signal.SIGUSR1) is before

    go(main())

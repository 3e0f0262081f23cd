"""Other threads and the loop: call_soon_threadsafe, run_coroutine_threadsafe, executors."""

import asyncio
import concurrent.futures
import socket
import sys
import threading
import time

import pytest


def test_call_soon_threadsafe_wakes_a_sleeping_loop(loop):
    started = time.monotonic()
    timer = threading.Timer(0.01, lambda: loop.call_soon_threadsafe(loop.stop))
    timer.start()
    loop.run_forever()
    assert 0.005 < time.monotonic() - started < 2
    timer.join()


def test_many_threads_lose_nothing_and_keep_their_order(loop):
    count, threads = 3000, 8
    seen = [[] for _ in range(threads)]
    left = threads

    def done():
        nonlocal left
        left -= 1
        if not left:
            loop.stop()

    def work(n):
        for i in range(count):
            loop.call_soon_threadsafe(seen[n].append, i)
        loop.call_soon_threadsafe(done)

    made = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for thread in made:
        thread.start()
    loop.run_forever()
    for thread in made:
        thread.join()
    assert all(one == list(range(count)) for one in seen)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="before, cancelling does not wait")
@pytest.mark.parametrize("ask", ["cancel", "cancelled"])
def test_another_thread_that_cancels_waits_for_the_callback_that_runs(loop, ask):
    began, over = threading.Event(), threading.Event()
    was_over = []

    def callback():
        began.set()
        time.sleep(0.05)
        over.set()

    def work():
        handle = loop.call_soon_threadsafe(callback)
        began.wait()
        getattr(handle, ask)()
        was_over.append(over.is_set())
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    loop.run_forever()
    thread.join()
    assert was_over == [True]


def test_threadsafe_handles_can_be_cancelled(loop):
    ran = []

    def work():
        handle = loop.call_soon_threadsafe(ran.append, 1)
        assert isinstance(handle, asyncio.Handle)
        handle.cancel()
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    loop.run_forever()
    assert ran == []


def test_queued_before_the_loop_runs(loop):
    ran = []
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(ran.append, 1))
    thread.start()
    thread.join()
    loop.call_soon(ran.append, 2)
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert sorted(ran) == [1, 2]


def test_stop_from_a_thread(loop):
    thread = threading.Timer(0.005, loop.call_soon_threadsafe, (loop.stop,))
    thread.start()
    loop.run_forever()
    thread.join()


@pytest.mark.parametrize("watches", [False, True], ids=["plain", "watching"])
def test_a_busy_loop_lets_other_threads_run(loop, loop_name, watches):
    """A loop that never waits still gives up the GIL: to whoever asks for it, after the interpreter's switch interval."""
    if loop_name == "asyncio":
        pytest.skip("asyncio's loop gives its threads the GIL by chance, and may take seconds")

    async def spin():
        while not over:
            await asyncio.sleep(0)

    async def main():
        spinners = [asyncio.create_task(spin()) for _ in range(100)]
        for _ in range(20):
            await loop.run_in_executor(None, sum, range(20_000))
        over.append(True)
        await asyncio.gather(*spinners)

    over = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if watches:  # then the kernel is polled in every turn
            loop.add_reader(ours, over.append)
        started = time.monotonic()
        loop.run_until_complete(main())
        took = time.monotonic() - started
        loop.remove_reader(ours)
    assert took < 5  # a tenth of a second; tens of seconds where it is left to chance


def test_run_coroutine_threadsafe(loop):
    async def add(a, b):
        await asyncio.sleep(0)
        return a + b

    async def boom():
        raise ValueError("boom")

    results = []

    def work():
        results.append(asyncio.run_coroutine_threadsafe(add(1, 2), loop).result(5))
        failing = asyncio.run_coroutine_threadsafe(boom(), loop)
        results.append(type(failing.exception(5)))
        waiting = asyncio.run_coroutine_threadsafe(asyncio.sleep(100), loop)
        try:
            waiting.result(0.01)
        except concurrent.futures.TimeoutError:
            results.append("timed out")
        waiting.cancel()
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    loop.run_forever()
    thread.join()
    loop.run_until_complete(asyncio.sleep(0))
    assert results == [3, ValueError, "timed out"]


def test_executors(loop):
    async def main():
        assert await loop.run_in_executor(None, pow, 2, 10) == 1024
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = await asyncio.gather(
                *[loop.run_in_executor(pool, pow, i, 2) for i in range(50)]
            )
            assert results == [i * i for i in range(50)]
            with pytest.raises(ZeroDivisionError):
                await loop.run_in_executor(pool, lambda: 1 / 0)
            loop.set_default_executor(pool)
            assert (await loop.run_in_executor(None, threading.current_thread)).name.startswith(
                "ThreadPoolExecutor"
            )
            release = threading.Event()
            running = loop.run_in_executor(pool, release.wait)
            running2 = loop.run_in_executor(pool, release.wait)
            queued = loop.run_in_executor(pool, print, "never")
            queued.cancel()
            with pytest.raises(asyncio.CancelledError):
                await queued
            release.set()
            await running
            await running2

    loop.run_until_complete(main())


def test_the_default_executors_threads_are_named_asyncio(loop):
    async def main():
        return (await loop.run_in_executor(None, threading.current_thread)).name

    assert loop.run_until_complete(main()).startswith("asyncio_")


def test_wrong_executors(loop):
    async def coro():
        pass

    async def main():
        loop.set_debug(True)
        made = coro()
        for bad in (made, coro, None, 5):
            with pytest.raises(TypeError):
                await loop.run_in_executor(None, bad)
        made.close()

    loop.run_until_complete(main())


def test_round_trips_between_two_loops(new_loop):
    loops = [new_loop(), new_loop()]
    threads = [threading.Thread(target=one.run_forever) for one in loops]
    for thread in threads:
        thread.start()

    async def ping(n):
        if not n:
            return 0
        other = loops[n % 2]
        return 1 + await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(ping(n - 1), other))

    assert asyncio.run_coroutine_threadsafe(ping(100), loops[0]).result(10) == 100
    for one, thread in zip(loops, threads, strict=True):
        one.call_soon_threadsafe(one.stop)
        thread.join()
        one.close()


def test_futures_set_from_threads(loop):
    async def main():
        futures = [loop.create_future() for _ in range(200)]

        def work(part):
            for future in part:
                loop.call_soon_threadsafe(future.set_result, 1)

        threads = [threading.Thread(target=work, args=(futures[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        assert sum(await asyncio.gather(*futures)) == 200
        for thread in threads:
            thread.join()

    loop.run_until_complete(main())


def test_closing_while_a_thread_calls(new_loop):
    """The thread gets asyncio's error and nothing worse."""
    for _ in range(5):
        loop = new_loop()
        errors = []
        started = threading.Event()

        def work(loop=loop, errors=errors, started=started):
            try:
                while True:
                    loop.call_soon_threadsafe(id, 1)
                    started.set()
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        thread.join(10)
        assert errors == ["Event loop is closed"]


def test_a_loop_made_in_one_thread_and_run_in_another(new_loop):
    loop = new_loop()
    result = []

    def work():
        result.append(loop.run_until_complete(asyncio.sleep(0.001, "done")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert result == ["done"]
    assert loop.run_until_complete(asyncio.sleep(0, "back")) == "back"
    loop.close()


def test_what_another_thread_has_scheduled_before_comes_before(loop):
    order = []

    def first():
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(order.append, "thread"))
        thread.start()
        thread.join()
        loop.call_soon(order.append, "soon")
        loop.call_soon_threadsafe(order.append, "threadsafe")
        loop.call_soon(loop.stop)

    loop.call_soon(first)
    loop.run_forever()
    assert order == ["thread", "soon", "threadsafe"]

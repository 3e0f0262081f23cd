"""Asynchronous generators, and the default executor: what a loop shuts down at its end."""

import asyncio
import gc
import warnings

import pytest

from ..support import PY312, PY313, collect, differential, run, turns


def test_a_dropped_generator_is_closed_on_the_loop(loop):
    closed = []

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(asyncio.get_running_loop() is loop)

    async def main():
        async for _ in generator():
            break
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert closed == [True]


def test_shutdown_asyncgens_closes_the_rest(loop):
    closed = []

    async def generator(n):
        try:
            yield n
            yield n
        finally:
            await asyncio.sleep(0)
            closed.append(n)

    kept = [generator(i) for i in range(3)]

    async def main():
        for one in kept:
            await one.__anext__()

    loop.run_until_complete(main())
    assert closed == []
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert sorted(closed) == [0, 1, 2]


def test_a_generator_that_fails_to_close_is_reported():
    def scenario(loop, log):
        async def generator():
            try:
                yield 1
            finally:
                raise ZeroDivisionError("in the clean-up")

        one = generator()

        async def main():
            await one.__anext__()

        loop.run_until_complete(main())
        loop.run_until_complete(loop.shutdown_asyncgens())

    differential(scenario)


def test_iterating_after_shutdown_warns(loop):
    async def generator():
        yield 1

    async def main():
        await loop.shutdown_asyncgens()
        one = generator()
        with pytest.warns(ResourceWarning, match="was scheduled after loop.shutdown_asyncgens"):
            await one.__anext__()
        await one.aclose()

    loop.run_until_complete(main())


def test_shutdown_default_executor(loop):
    async def main():
        assert await loop.run_in_executor(None, lambda: 5) == 5
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            await loop.run_in_executor(None, lambda: 5)
        await loop.shutdown_default_executor()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="shutdown_default_executor(timeout=) is new in CPython 3.12")
def test_shutdown_default_executor_with_a_timeout(loop):
    import threading

    release = threading.Event()
    # Some CPythons (3.12.1) join the thread even after the timeout, and do not always warn.
    timer = threading.Timer(0.05, release.set)
    timer.start()

    async def main():
        work = loop.run_in_executor(None, release.wait)
        await asyncio.sleep(0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await loop.shutdown_default_executor(timeout=0.01)
        if PY313:
            assert [w.category for w in caught] == [RuntimeWarning]
            assert "The executor did not finishing joining" in str(caught[0].message)
        await work

    loop.run_until_complete(main())
    timer.join()
    import time

    while any("asyncio_" in thread.name for thread in threading.enumerate()):
        time.sleep(0.001)


def test_run_cancels_what_is_left(loop_name):
    seen = []

    async def left_over():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            seen.append("cancelled")

    async def main():
        asyncio.ensure_future(left_over())
        await asyncio.sleep(0)
        return "done"

    assert run(loop_name, main()) == "done"
    assert seen == ["cancelled"]
    collect()


def test_run_refuses_what_asyncio_refuses(loop_name):
    with pytest.raises((TypeError, ValueError)) as caught:
        run(loop_name, 5)
    with pytest.raises(type(caught.value)):
        asyncio.run(5)

    async def main():
        coro = main()
        try:
            with pytest.raises(
                RuntimeError, match="asyncio.run.. cannot be called from a running event loop"
            ):
                run(loop_name, coro)
        finally:
            coro.close()

    run(loop_name, main())


def test_run_with_debug(loop_name):
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert run(loop_name, main(), debug=True) is True
    assert run(loop_name, main(), debug=False) is False


def test_runner_with_a_loop_factory(new_loop):
    if not hasattr(asyncio, "Runner"):
        return

    async def main():
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    made = []

    def factory():
        made.append(new_loop())
        return made[-1]

    with asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.run(main())
        assert loop is made[0] is runner.get_loop()
        assert runner.run(main()) is loop
    assert loop.is_closed() and len(made) == 1


def test_turns_after_everything(loop):
    turns(loop, 3)

"""`graceful`: tasks that wait for the program that ends, which cannot end before it."""

import asyncio
import contextlib

import pytest

import riata

from .shared import needs_uncancel


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

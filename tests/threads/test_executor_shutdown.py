"""The end of the default executor: it is waited for, within a time limit since 3.12."""

import asyncio
import threading
import warnings

import pytest

from ..support import PY312, differential, new_event_loop


def test_it_waits_for_what_runs(loop):
    seen = []
    release = threading.Event()

    async def main():
        started = threading.Event()

        def work():
            started.set()
            release.wait(10)
            seen.append("worked")

        future = loop.run_in_executor(None, work)
        while not started.is_set():
            await asyncio.sleep(0.001)
        loop.call_later(0.005, release.set)
        await loop.shutdown_default_executor()
        assert seen == ["worked"]
        await future
        with pytest.raises(RuntimeError, match="Executor shutdown has been called"):
            loop.run_in_executor(None, print)
        await loop.shutdown_default_executor()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="the time limit is new in 3.12")
@pytest.mark.parametrize("limit", [0, 0.01])
def test_a_time_limit(limit):
    async def scenario(loop, log):
        release = threading.Event()
        loop.run_in_executor(None, release.wait, 10)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await loop.shutdown_default_executor(timeout=limit)
        log([(w.category, str(w.message), w.filename == __file__) for w in caught])
        release.set()
        log.attempt("afterwards", lambda: loop.run_in_executor(None, print))

    differential(scenario)


@pytest.mark.skipif(not PY312, reason="the time limit is new in 3.12")
def test_within_the_time_limit():
    async def scenario(loop, log):
        log(await loop.run_in_executor(None, lambda: 5))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await loop.shutdown_default_executor(10)
            await loop.shutdown_default_executor(timeout=None)
        log([str(w.message) for w in caught])

    differential(scenario)


def test_an_executor_of_the_programs_own_is_shut_down(loop):
    from concurrent.futures import ThreadPoolExecutor

    class Noted(ThreadPoolExecutor):
        calls: list = []  # noqa: RUF012

        def shutdown(self, wait=True, **options):
            self.calls.append(wait)
            super().shutdown(wait, **options)

    async def main():
        loop.set_default_executor(Noted())
        await loop.run_in_executor(None, print)
        await loop.shutdown_default_executor()

    loop.run_until_complete(main())
    assert Noted.calls[0] is True
    Noted.calls.clear()


def test_closing_the_loop_does_not_wait(loop_name):
    loop = new_event_loop(loop_name)
    release = threading.Event()

    async def main():
        loop.run_in_executor(None, release.wait, 10)

    loop.run_until_complete(main())
    loop.close()
    assert not release.is_set()
    release.set()

"""`map`: results, order, back-pressure; sources and calls that fail, swallow, end or do not end."""

import asyncio
import contextlib

import pytest

import riata

from .shared import boom, needs_uncancel, value


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
                    await boom("two", 0.002)
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


def test_map_gives_a_result_before_the_source_has_more(go):
    async def main():
        first_is_there = riata.Event()

        async def source():
            yield 1
            await first_is_there.wait()
            yield 2

        got = []
        async for result in riata.map(value, source(), limit=5):
            got.append(result)
            first_is_there.set()
        return got

    assert go(main()) == [1, 2]


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("place", ["source", "call", "awaited call"])
def test_map_does_not_end_by_what_only_iterators_may_raise(go, place, kind):
    class Source:
        def __iter__(self):
            return self

        def __next__(self):
            raise kind("stray")

    def call(number):
        raise kind("stray")

    async def awaited_call(number):
        raise kind("stray")

    async def main():
        fn = awaited_call if place == "awaited call" else call
        return [
            result
            async for result in riata.map(fn, Source() if place == "source" else [1], limit=2)
        ]

    if (place, kind) == ("source", StopIteration):
        assert go(main()) == []
    else:
        with pytest.raises(RuntimeError, match=rf"raised {kind.__name__}") as caught:
            go(main())
        assert isinstance(caught.value.__cause__, kind)


def test_map_tells_the_loop_of_further_failures():
    async def main():
        reports = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(str(context["exception"])))
        try:
            async for _ in riata.map(lambda n: boom(str(n)), range(3), limit=3, ordered=False):
                pass
        except ValueError as error:
            first = str(error)
        await riata.sleep(0.001)
        return sorted([first, *reports])

    assert riata.run(main()) == ["0", "1", "2"]


def test_map_refuses_a_limit_that_is_none():
    for limit, kind in [(float("nan"), TypeError), (0, ValueError), ("3", TypeError)]:
        with pytest.raises(kind):
            riata.map(value, [], limit=limit)


def test_map_asks_for_an_iterator_at_once_and_closes_it(go):
    class Refuses:
        def __aiter__(self):
            raise TypeError("not now")

    class Generates:
        async def __aiter__(self):
            try:
                yield 1
                yield 2
            finally:
                log.append("closed")

    async def main():
        with pytest.raises(TypeError, match="not now"):
            riata.map(value, Refuses(), limit=1)
        async with contextlib.aclosing(riata.map(value, Generates(), limit=1)) as results:
            async for result in results:
                log.append(result)
                break
        return log

    log = []
    assert go(main()) == [1, "closed"]


@pytest.mark.parametrize("limit", [1, 5])
def test_map_over_a_source_that_goes_on_when_it_is_cancelled(go, limit):
    async def main():
        running = set()

        async def source():
            yield 0
            try:
                await riata.sleep(60)
            except asyncio.CancelledError:
                for number in range(1, 4):
                    yield number
                raise

        async def call(number):
            running.add(number)
            try:
                if number:
                    await riata.sleep(60)
            finally:
                running.discard(number)

        async with riata.timeout(10):
            results = riata.map(call, source(), limit=limit)
            async for _ in results:
                break
            await results.aclose()
            assert not running
            assert len(asyncio.all_tasks()) == 1

    needs_uncancel(go)
    go(main())


def test_map_closes_its_source_at_once(go):
    async def main():
        log = []

        async def source():
            try:
                for number in range(100):
                    yield number
            finally:
                log.append("closed")

        results = riata.map(value, source(), limit=2)
        async for _ in results:
            break
        assert log == []
        await results.aclose()
        assert log == ["closed"]

    go(main())


def test_map_loses_neither_the_failure_of_a_call_nor_that_of_the_source(go):
    async def main():
        reports = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))

        async def source():
            try:
                while True:
                    yield "wrong"
            finally:
                raise KeyError("source")

        with pytest.raises(ValueError, match="wrong"):
            async for _ in riata.map(boom, source(), limit=1):
                pass
        (report,) = reports
        assert report["message"] == "the source of riata.map() failed when it was closed"
        assert repr(report["exception"]) == "KeyError('source')"

    go(main())

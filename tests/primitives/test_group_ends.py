"""How riata's task group ends: early, within its first steps, beside what ends the program, and in a generator that is closed."""

import asyncio
import contextlib

import pytest

import riata
from riata.exceptions import BaseExceptionGroup

from ..support import PY312, PY313


@pytest.mark.skipif(not PY312, reason="tasks are eager since 3.12")
@pytest.mark.parametrize("how", ["create_task", "spawn"])
def test_an_eager_task_that_cancels_its_group_in_its_first_step(go, how):
    """CPython #155418: it is not among those that are cancelled then."""

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        seen = []

        async def child(group):
            group.cancel("enough")
            try:
                await riata.Event().wait()
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise

        async with asyncio.timeout(5):
            async with riata.TaskGroup(limit=2) as group:
                if how == "spawn":
                    await group.spawn(child(group))
                else:
                    group.create_task(child(group))
        return seen

    assert go(main()) == [("enough",)]


def test_a_group_that_is_cancelled_before_it_is_entered(go):
    """As in CPython 3.15: it is cancelled upon entry."""

    async def main():
        group = riata.TaskGroup()
        group.cancel("never mind")
        seen = []
        async with group:
            try:
                await riata.sleep(5)
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise
        await riata.sleep(0)  # nothing is left of the request
        return seen

    assert go(main()) == [("never mind",)]


@pytest.mark.parametrize("on_error", ["cancel", "collect"])
def test_failures_beside_what_ends_the_program_are_reported(go, on_error):
    """CPython #135736: what is raised has no room for them."""
    reports = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))

        async def fail():
            try:
                await asyncio.sleep(5)
            finally:
                raise ValueError("in clean-up")

        async with riata.TaskGroup(on_error=on_error) as group:
            group.create_task(fail())
            await riata.sleep(0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(main())
    found = [(context["message"], repr(context["exception"])) for context in reports]
    message = "A task failed in a group that ends with KeyboardInterrupt()"
    assert found == [(message, "ValueError('in clean-up')")]


@pytest.mark.parametrize("on_error", ["cancel", "collect"])
def test_an_async_generator_with_a_group_is_closed(go, on_error):
    """CPython #135736: who closes it expects no group of exceptions, unless there is another one."""

    async def main():
        async def numbers(task):
            async with riata.TaskGroup(on_error=on_error) as group:
                group.create_task(task)
                await riata.sleep(0)
                yield 1

        async def fail():
            try:
                await asyncio.sleep(5)
            finally:
                raise ValueError("in clean-up")

        generator = numbers(asyncio.sleep(0))
        assert await generator.__anext__() == 1
        await generator.aclose()

        generator = numbers(fail())
        assert await generator.__anext__() == 1
        with pytest.raises(BaseException) as caught:
            await generator.aclose()
        errors = [type(error) for error in caught.value.exceptions]
        assert errors == [ValueError, GeneratorExit]

    go(main())


@pytest.mark.parametrize("on_error", ["cancel", "collect"])
def test_a_request_that_comes_while_a_generator_is_closed_is_not_lost(go, on_error):
    if not PY313 and go.loop == "asyncio":
        pytest.skip("before 3.13 asyncio's tasks forget requests")

    async def main():
        async def slow():
            try:
                await riata.Event().wait()
            finally:
                await riata.sleep(0.02)

        async def numbers():
            async with riata.TaskGroup(on_error=on_error) as group:
                group.create_task(slow())
                await riata.sleep(0)
                yield 1

        async def program():
            generator = numbers()
            await generator.__anext__()
            with contextlib.suppress(BaseExceptionGroup):
                await generator.aclose()
            await riata.sleep(5)

        task = asyncio.ensure_future(program())
        await riata.sleep(0.01)
        task.cancel("outside")
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            async with riata.timeout(0.01):
                await program()

    go(main())


def test_the_first_reason_of_a_group_that_is_not_entered_is_kept(go):
    async def main():
        group = riata.TaskGroup()
        group.cancel("first")
        group.cancel("second")
        group.cancel()
        seen = []
        async with group:
            try:
                await riata.sleep(5)
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise
        return seen

    assert go(main()) == [("first",)]


def test_a_request_beside_that_of_the_group_is_seen_once(go):
    if not PY313 and go.loop == "asyncio":
        pytest.skip("before 3.13 asyncio's tasks forget requests")

    async def main():
        seen = []
        async with riata.TaskGroup() as group:
            group.cancel("ours")
            asyncio.current_task().cancel("outside")
        for _ in range(3):
            try:
                await riata.sleep(0)
            except asyncio.CancelledError as error:
                seen.append(error.args)
        return seen

    assert go(asyncio_task(main())) == [("outside",)]


async def asyncio_task(coro):
    """In a task of its own, whose requests are not taken for those of the runner."""
    return await asyncio.ensure_future(coro)


def test_the_contexts_of_what_ends_the_program_are_no_ring(go):
    async def main():
        async def leave():
            raise KeyboardInterrupt

        async with riata.TaskGroup() as group:
            task = group.create_task(leave())
            try:
                await riata.sleep(5)
            except asyncio.CancelledError:
                try:
                    task.result()
                except KeyboardInterrupt:
                    raise ValueError("body")

    with pytest.raises(KeyboardInterrupt) as caught:
        go(main())
    chain, error = [], caught.value
    while error is not None and len(chain) < 9:
        chain.append(type(error))
        error = error.__context__
    assert chain[:2] == [KeyboardInterrupt, ValueError]
    assert chain.count(KeyboardInterrupt) == 1

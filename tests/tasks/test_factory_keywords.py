"""What `create_task` passes to a task factory, on each version of Python (uvloop #605)."""

import asyncio
import contextvars

import pytest

from ..support import PY311, PY312, PY314, differential


async def value(x=None):
    return x


def test_what_a_factory_is_given():
    async def scenario(loop, log):
        def factory(loop_given, coro, **options):
            log(loop_given is loop, sorted(options))
            return asyncio.Task(coro, loop=loop_given, **options)

        context = contextvars.copy_context()
        loop.set_task_factory(factory)
        log(loop.get_task_factory() is factory)
        given = [{}, {"name": None}, {"name": "named"}, {"name": 5}]
        if PY311:
            given += [{"context": None}, {"context": context}, {"context": context, "name": "n"}]
        if PY314:
            given += [{"eager_start": True}, {"eager_start": False, "name": "n"}, {"other": 1}]
        for options in given:
            for create in (loop.create_task, asyncio.create_task):
                coro = value(1)
                try:
                    task = create(coro, **options)
                except TypeError as error:
                    log(type(error))
                    coro.close()
                    continue
                log(task.get_name() if options.get("name") else "unnamed")
                log(await task)
        if PY311:
            async with asyncio.TaskGroup() as group:
                group.create_task(value(1), name="grouped")
        log(await asyncio.gather(value(1), value(2)))
        log(await asyncio.wait_for(value(3), 5))
        loop.set_task_factory(None)
        log(loop.get_task_factory())

    differential(scenario)


@pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")
@pytest.mark.parametrize("custom", [False, True])
def test_eager_factories(custom):
    async def scenario(loop, log):
        def constructor(coro, **options):
            log(sorted(name for name in options if name != "loop"), options["loop"] is loop)
            return asyncio.Task(coro, **options)

        factory = (
            asyncio.create_eager_task_factory(constructor) if custom else asyncio.eager_task_factory
        )
        loop.set_task_factory(factory)
        context = contextvars.copy_context()
        variable = contextvars.ContextVar("variable", default="outside")
        context.run(variable.set, "inside")

        async def look():
            return variable.get(), asyncio.current_task().get_name()

        for options in (
            {"name": "n"},
            {"context": context, "name": "n"},
            {"context": None, "name": "n"},
            *([{"eager_start": False, "name": "n"}, {"eager_start": True, "name": "n"}] * PY314),
        ):
            task = asyncio.create_task(look(), **options)
            log(task.done())
            log(await task)

    differential(scenario)


def test_a_factory_that_gives_another_task():
    async def scenario(loop, log):
        other = asyncio.Task(value("another"), loop=loop)

        def factory(loop_given, coro, **options):
            coro.close()
            return other

        loop.set_task_factory(factory)
        log(loop.create_task(value()) is other)
        log(await asyncio.create_task(value()))
        loop.set_task_factory(lambda loop_given, coro, **options: 1 / 0)
        coro = value()
        log.attempt("raises", lambda: loop.create_task(coro))
        coro.close()
        loop.set_task_factory(None)

    differential(scenario)


@pytest.mark.parametrize("keyword", ["context", "eager_start"])
def test_without_a_factory(keyword):
    """asyncio of an older Python refuses a keyword that is new."""

    async def scenario(loop, log):
        async def nothing():
            log("runs")

        value = {"context": contextvars.copy_context(), "eager_start": True}[keyword]
        coro = nothing()
        try:
            task = loop.create_task(coro, **{keyword: value})
        except TypeError as error:
            log(str(error).split(".")[-1])
            coro.close()
        else:
            log(task.done())
            await task

    differential(scenario)

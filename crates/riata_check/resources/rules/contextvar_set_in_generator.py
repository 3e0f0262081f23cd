import contextlib
import contextvars

current = contextvars.ContextVar("current", default=None)
typed: contextvars.ContextVar[str] = contextvars.ContextVar("typed")


async def rows(query):
    token = current.set(query)  # error: RIA804
    try:
        for number in range(3):
            yield number
    finally:
        current.reset(token)


async def two(query):
    typed.set(query)  # error: RIA804
    yield 1
    yield 2


@contextlib.asynccontextmanager
async def running(query):
    token = current.set(query)
    try:
        yield
    finally:
        current.reset(token)


async def a_coroutine(query):
    current.set(query)


async def a_dependency(query):
    token = current.set(query)
    yield query
    current.reset(token)


async def after_the_last(query):
    for number in range(3):
        yield number
    current.set(query)


async def another_set(event):
    event.set(1)
    for number in range(3):
        yield number

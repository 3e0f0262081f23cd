"""Fixtures of every kind and scope, for versions.py. pytest-asyncio before 0.24 says `scope` where newer ones say `loop_scope`."""

from __future__ import annotations

import asyncio
import inspect

import pytest
import pytest_asyncio

SCOPES = ("function", "class", "module", "package", "session")
IS_OLD = "loop_scope" not in inspect.signature(pytest_asyncio.fixture).parameters
LOOP_SCOPE = "scope" if IS_OLD else "loop_scope"


def on_scope(scope):
    """Mark a test or class for a loop of this scope."""
    return pytest.mark.asyncio(**{LOOP_SCOPE: scope})


def fixture_of(scope):
    """Decorate an async fixture that is made once in this scope, and runs on the loop of it."""
    return pytest_asyncio.fixture(scope=scope, **({} if IS_OLD else {"loop_scope": scope}))


set_ups = []


@fixture_of("session")
async def session_loop():
    set_ups.append("session_loop")
    loop = asyncio.get_running_loop()
    yield loop
    assert asyncio.get_running_loop() is loop


@fixture_of("module")
async def module_loop():
    loop = asyncio.get_running_loop()
    yield loop
    assert asyncio.get_running_loop() is loop


@pytest_asyncio.fixture
async def coroutine():
    await asyncio.sleep(0)
    return asyncio.get_running_loop()


@pytest_asyncio.fixture(params=["one", "two"])
async def parametrized(request, coroutine):
    yield request.param, coroutine
    await asyncio.sleep(0)


@pytest.fixture
def plain(coroutine):
    return coroutine


@pytest_asyncio.fixture
async def fails_at_set_up():
    raise ValueError("set-up")


@pytest_asyncio.fixture
async def fails_at_tear_down():
    yield
    raise ValueError("tear-down")

"""Tests of every kind, for versions.py: some fail, and are to fail on every loop alike. pytest-asyncio runs them, in both modes."""

from __future__ import annotations

import asyncio
import unittest

import pytest

from .conftest import on_scope, set_ups

loops = {}


def same_loop(name):
    """Whether all that ask by this name run on one loop."""
    return loops.setdefault(name, asyncio.get_running_loop()) is asyncio.get_running_loop()


@pytest.mark.asyncio
async def test_coroutine(coroutine, plain):
    assert coroutine is plain is asyncio.get_running_loop()


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [1, 2])
async def test_parameters(number, parametrized):
    assert parametrized[1] is asyncio.get_running_loop()


async def test_without_a_marker(coroutine):
    """Passes in auto mode."""


@on_scope("module")
async def test_module_loop(module_loop):
    assert module_loop is asyncio.get_running_loop()
    assert same_loop("module")


@on_scope("module")
async def test_module_loop_again(module_loop):
    assert same_loop("module")


def test_plain_with_an_async_fixture(session_loop):
    assert set_ups == ["session_loop"]


@on_scope("session")
async def test_session_loop(session_loop):
    assert session_loop is asyncio.get_running_loop()
    assert set_ups == ["session_loop"]


@on_scope("package")
async def test_package_loop():
    assert same_loop("package")


@on_scope("class")
class TestClass:
    async def test_one(self):
        assert same_loop("class")

    async def test_other(self):
        assert same_loop("class")

    @staticmethod
    async def test_static():
        assert same_loop("class")


@pytest.mark.asyncio
async def test_fails():
    await asyncio.sleep(0)
    raise ValueError("call")


@pytest.mark.asyncio
async def test_skips():
    pytest.skip("within")


@pytest.mark.xfail(strict=True)
@pytest.mark.asyncio
async def test_is_known_to_fail():
    raise ValueError("call")


@pytest.mark.asyncio
async def test_set_up_fails(fails_at_set_up):
    raise AssertionError("unreachable")


@pytest.mark.asyncio
async def test_tear_down_fails(fails_at_tear_down):
    pass


@pytest.mark.asyncio
async def test_a_task_left_behind():
    asyncio.get_running_loop().left = asyncio.create_task(asyncio.sleep(60))


@pytest.mark.asyncio
async def test_no_coroutine():
    async def generator():
        yield 1

    assert [item async for item in generator()] == [1]


def test_plain():
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.loop = asyncio.get_running_loop()

    async def test_case(self):
        assert self.loop is asyncio.get_running_loop()

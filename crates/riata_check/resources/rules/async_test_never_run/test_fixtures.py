"""Async tests and fixtures of pytest, where pytest-asyncio is strict."""

import pytest
import pytest_asyncio


@pytest.fixture
async def client():  # error: RIA901
    yield 1


@pytest.fixture(scope="module")
async def server():  # error: RIA901
    return 1


@pytest.fixture
def plain():
    return 1


@pytest_asyncio.fixture
async def awaited():
    yield 1


class TestServer:
    @pytest.fixture
    async def started(self):  # error: RIA901
        yield 1


@pytest.mark.asyncio
async def test_client(client, awaited, plain):
    assert client


@pytest.mark.asyncio
async def test_server(server):
    assert server


async def test_forgotten(awaited):  # error: RIA901
    assert awaited

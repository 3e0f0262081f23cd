"""Fixtures that the plugin of another library awaits."""

import anyio
import pytest


@pytest.fixture
async def client():
    yield anyio.current_time()


@pytest.mark.anyio
async def test_client(client):
    assert client


@pytest.mark.asyncio
async def test_here():
    pass

"""Fixtures of pytest-asyncio."""

import pytest
import pytest_asyncio


@pytest.fixture  # error: RIA905
async def strict():
    return 1


@pytest_asyncio.fixture(scope="module")  # error: RIA905
async def module_client():
    return 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def right():
    return 3


@pytest_asyncio.fixture
async def plain():
    return 4


@pytest.fixture
def synchronous():
    return 5


@pytest_asyncio.fixture(scope="session")
async def for_others():
    return 6


@pytest.mark.asyncio
async def test_wrong(strict, module_client, synchronous):
    assert strict


@pytest.mark.asyncio(loop_scope="module")
async def test_right(right, plain, for_others):
    assert right

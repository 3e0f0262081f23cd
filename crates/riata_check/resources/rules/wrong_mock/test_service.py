"""Mocks of both kinds."""

from unittest.mock import AsyncMock, MagicMock, Mock, patch

import service
from service import Client


@patch("service.count", new_callable=AsyncMock)  # error: RIA903
async def test_wrong(count, monkeypatch):
    with patch("service.save", AsyncMock()):  # error: RIA903
        pass
    with patch("users.save", AsyncMock()):  # error: RIA903
        pass
    with patch("service.stop", MagicMock()):  # error: RIA903
        pass
    with patch.object(Client, "get", new=Mock()):  # error: RIA903
        pass
    with patch.object(service, "count", AsyncMock(return_value=1)):  # error: RIA903
        pass
    monkeypatch.setattr(service, "save", AsyncMock())  # error: RIA903
    monkeypatch.setattr("service.stop", MagicMock())  # error: RIA903
    client = Client()
    client.get = MagicMock()  # error: RIA903
    client.name = AsyncMock()  # error: RIA903


@patch("service.count", new_callable=MagicMock)
async def test_fine(count, monkeypatch, unknown):
    with patch("service.save", MagicMock()):
        pass
    with patch("service.stop", AsyncMock()):
        pass
    with patch("service.stop"):
        pass
    with patch("service.start", AsyncMock()):
        pass
    with patch("service.stop", MagicMock(return_value=unknown)):
        pass
    with patch("elsewhere.stop", MagicMock()):
        pass
    monkeypatch.setattr(unknown, "save", AsyncMock())
    client = Client()
    client.get = AsyncMock()
    client.name = Mock()
    unknown.get = MagicMock()


async def test_awaited():
    mock = MagicMock()
    await mock()  # error: RIA903
    await mock.get(1)  # error: RIA903
    asynchronous = AsyncMock()
    await asynchronous()
    furnished = MagicMock()
    furnished.get = AsyncMock()
    await furnished.get()
    answering = Mock(return_value=asynchronous())
    await answering()

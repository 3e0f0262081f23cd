"""Assertions that are async."""

from unittest.mock import AsyncMock

from playwright.async_api import expect


async def assert_state(thing, state):
    assert thing.state == state


def assert_plain(thing):
    assert thing


class Helper:
    async def assert_closed(self):
        assert True

    async def close(self):
        pass


async def test_page(page, thing, helper: Helper):
    expect(page).to_have_title("Home")  # error: RIA902
    expect(page.locator("a")).not_to_be_visible()  # error: RIA902
    assert_state(thing, 1)  # error: RIA902
    helper.assert_closed()  # error: RIA902


async def test_fine(page, thing, helper: Helper, mock):
    await expect(page).to_have_title("Home")
    await assert_state(thing, 1)
    await helper.assert_closed()
    assert_plain(thing)
    mock.assert_awaited_once()
    waiting = expect(page).to_have_title("Home")
    await waiting


async def test_awaited(notify: AsyncMock):
    notify.assert_awaited_once  # error: RIA902
    assert notify.assert_awaited  # error: RIA902
    notify.awaited_once_with(1)  # error: RIA902
    assert notify.not_awaited()  # error: RIA902
    notify.assert_awaited_once()
    assert notify.await_count == 1

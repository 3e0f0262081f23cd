"""The pytest plugin: async tests and fixtures on riata's event loop, that end by themselves and say who waits for whom.

It is switched on by `riata_loop = true` in the ini file, or by `--riata`, and does nothing otherwise. pytest-asyncio runs the
tests, as without it; where that is not installed, the plugin runs them itself (`testing/standalone.py`).
"""

import importlib.util
from collections.abc import Generator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from riata.testing import idle, settings

__all__ = [
    "pytest_addoption",
    "pytest_configure",
]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    idle.remember_threads()
    settings.add_options(parser)
    if _stands_in(pluginmanager):
        _add_options_of_pytest_asyncio(parser)


def _rides(manager: pytest.PytestPluginManager) -> bool:
    """Whether pytest-asyncio is loaded: by its entry point, or by `-p`."""
    return manager.has_plugin("asyncio") or manager.has_plugin("pytest_asyncio.plugin")


def _stands_in(manager: pytest.PytestPluginManager) -> bool:
    """Whether pytest-asyncio is not there, and will not be."""
    is_away = manager.is_blocked("asyncio") or importlib.util.find_spec("pytest_asyncio") is None
    return is_away and not _rides(manager)


def _add_options_of_pytest_asyncio(parser: pytest.Parser) -> None:
    group = parser.getgroup("asyncio")
    group.addoption("--asyncio-mode", default=None, metavar="MODE", help="auto or strict")
    group.addoption(
        "--asyncio-debug", action="store_true", default=None, help="debug mode of the loop"
    )
    parser.addini("asyncio_mode", "default of --asyncio-mode", default="strict")
    parser.addini("asyncio_debug", "default of --asyncio-debug", type="bool", default=False)
    for name in ("asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope"):
        parser.addini(name, "function is the only scope without pytest-asyncio", default="function")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", settings.MARKER)
    if not settings.is_on(config):
        return
    from riata.testing import clock, riding

    if _rides(config.pluginmanager):
        riding.ride_on(config.pluginmanager)
    elif _stands_in(config.pluginmanager):
        from riata.testing import ports
        from riata.testing.standalone import Standalone

        config.pluginmanager.register(Standalone(config), "riata-standalone")
        config.pluginmanager.register(ports, "riata-ports")
    else:
        raise pytest.UsageError(
            "pytest-asyncio is installed, but not loaded\n"
            "hint: `-p pytest_asyncio.plugin` loads it; `-p no:asyncio` lets riata's plugin run the tests"
        )
    from riata.testing.leak_reports import Leaks
    from riata.testing.summaries import Summary
    from riata.testing.tasks import TasksFixture

    known = settings.settings_of(config)
    if known.one_task and _rides(config.pluginmanager):
        riding.check_runners(config.pluginmanager)
    config.pluginmanager.register(Phases(known), "riata-phases")
    config.pluginmanager.register(clock.ClockFixture(), "riata-clock")
    config.pluginmanager.register(TasksFixture(), "riata-tasks")
    left = Summary("left behind by tests", "riata_leaks")
    blocked = Summary("blocked the loop", "riata_blocked")
    config.pluginmanager.register(Leaks(known, left), "riata-leaks")
    config.pluginmanager.register(left, "riata-summary-leaks")
    config.pluginmanager.register(blocked, "riata-summary-blocked")


class Phases:
    """What riata does around each phase of a test. Registered when riata is switched on."""

    _blocked: "pytest.StashKey[list[str]]" = pytest.StashKey()

    def __init__(self, known: settings.Settings) -> None:
        from riata.testing.blocked import Stacks
        from riata.testing.runners import extend_runners

        self._known = known
        self._stacks = Stacks()
        self._end_runners = extend_runners()

    def pytest_unconfigure(self) -> None:
        self._end_runners()
        self._stacks.close()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        with self._phase(item, "set-up"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        from riata.testing.riding import unittest_on_riata

        with unittest_on_riata(item), self._phase(item, "call"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        from riata.testing.clock import put_back

        try:
            with self._phase(item, "tear-down"):
                return (yield)
        finally:
            put_back()

    def _phase(self, item: pytest.Item, name: str) -> AbstractContextManager[None]:
        from riata.testing.phase import phase_of_test

        blocked = item.stash.setdefault(self._blocked, [])
        return phase_of_test(name, settings.marked(self._known, item), blocked)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: "pytest.CallInfo[None]"
    ) -> Generator[None, Any, Any]:
        report = yield
        if call.when == "teardown":
            report.riata_blocked = item.stash.get(self._blocked, [])
        return report

"""How pytest-asyncio and unittest get riata's loop."""

import asyncio
import sys
import unittest
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from riata.testing.loop import new_test_loop

__all__ = ["Factories", "check_runners", "new_policy", "ride_on", "unittest_on_riata"]

_FACTORY_FIXTURE = "_asyncio_loop_factory"


class Factories:
    """A plugin for a pytest-asyncio to come, without the fixture that `factory_fixture` replaces.

    Registered only when it is wanted: a hook that answers `None` is an error.
    """

    # Around all others, since the suite's own may be `trylast` as well.
    @pytest.hookimpl(wrapper=True)
    def pytest_asyncio_loop_factories(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Answer where nobody else is asked. An answer of the suite's own stays as it is, a wrong one too."""
        answer = yield
        if len(item.ihook.pytest_asyncio_loop_factories.get_hookimpls()) > 1:
            return answer
        marker = item.get_closest_marker("asyncio")
        names = marker.kwargs.get("loop_factories") if marker is not None else None
        if names is not None and "riata" not in names:
            # It would be skipped, where without riata it is an error.
            pytest.fail(
                f"{item.nodeid}: no hook pytest_asyncio_loop_factories of the suite gives the loop_factories "
                f"that mark.asyncio names: {', '.join(names)}",
                pytrace=False,
            )
        return {"riata": new_test_loop}


def new_policy() -> Any:
    """Return an event loop policy whose loops are those for tests."""
    from riata.policy import EventLoopPolicy  # which Pythons to come lack

    methods = {"new_event_loop": lambda policy: new_test_loop()}
    return type("TestPolicy", (EventLoopPolicy,), methods)()


def ride_on(manager: pytest.PytestPluginManager) -> None:
    """Let pytest-asyncio, which is loaded, use riata's loop."""
    if hasattr(_plugin(manager), _FACTORY_FIXTURE):
        from riata.testing import factory_fixture

        manager.register(factory_fixture, "riata-loop-factory")
    elif hasattr(manager.hook, "pytest_asyncio_loop_factories"):
        manager.register(Factories(), "riata-loop-factories")
    else:
        from riata.testing import policy_fixture

        manager.register(policy_fixture, "riata-loop-policy")


def check_runners(manager: pytest.PytestPluginManager) -> None:
    """What runs in one task is handed to it by runners.

    Raises:
        pytest.UsageError: pytest-asyncio is too old to use them.
    """
    if not hasattr(_plugin(manager), "Runner"):
        raise pytest.UsageError(
            "riata_one_task needs pytest-asyncio 1.1 or newer\nhint: `pip install -U pytest-asyncio`"
        )


def _plugin(manager: pytest.PytestPluginManager) -> Any:
    return manager.get_plugin("asyncio") or manager.get_plugin("pytest_asyncio.plugin")


@contextmanager
def unittest_on_riata(item: pytest.Item) -> Iterator[None]:
    """An `IsolatedAsyncioTestCase` that names no loop of its own runs on riata's within."""
    case = getattr(item, "cls", None)
    if not (isinstance(case, type) and issubclass(case, unittest.IsolatedAsyncioTestCase)):
        yield
        return
    if sys.version_info < (3, 13):
        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(new_policy())
        try:
            yield
        finally:
            asyncio.set_event_loop_policy(before)
    elif case.loop_factory is not None:
        yield
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(case, "loop_factory", staticmethod(_new_current_loop))
            try:
                yield
            finally:
                asyncio.set_event_loop(None)


def _new_current_loop() -> asyncio.AbstractEventLoop:
    """A runner makes its loop the current one, for `setUp` and what else is not async, unless a factory has made it."""
    loop = new_test_loop()
    asyncio.set_event_loop(loop)
    return loop

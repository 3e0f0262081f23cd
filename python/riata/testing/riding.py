"""How pytest-asyncio and unittest get riata's loop."""

import sys
import unittest
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from riata.testing.loop import new_test_loop

__all__ = ["Factories", "Policy", "ride_on", "unittest_on_riata"]


class Factories:
    """A plugin for pytest-asyncio 1.4 and newer. Registered only when it is wanted: a hook that answers `None` is an error there."""

    @pytest.hookimpl(trylast=True)  # one of a conftest goes before
    def pytest_asyncio_loop_factories(self) -> Mapping[str, Callable[[], Any]]:
        return {"riata": new_test_loop}


class Policy:
    """A plugin for older ones, which ask this fixture for a policy."""

    @pytest.fixture(scope="session", autouse=True)
    def event_loop_policy(self) -> Any:
        """The event loop policy of async tests."""
        return _policy()


def _policy() -> Any:
    from riata.policy import EventLoopPolicy  # which Pythons to come lack

    methods = {"new_event_loop": lambda policy: new_test_loop()}
    return type("TestPolicy", (EventLoopPolicy,), methods)()


def ride_on(manager: pytest.PytestPluginManager) -> None:
    """Let pytest-asyncio, which is loaded, use riata's loop."""
    # Before pytest 8.4 it could not hide that there is a parameter, and node ids are to stay.
    is_new = hasattr(manager.hook, "pytest_asyncio_loop_factories")
    if is_new and hasattr(pytest, "HIDDEN_PARAM"):
        manager.register(Factories(), "riata-loop-factories")
    else:
        manager.register(Policy(), "riata-loop-policy")


@contextmanager
def unittest_on_riata(item: pytest.Item) -> Iterator[None]:
    """An `IsolatedAsyncioTestCase` that names no loop of its own runs on riata's within."""
    case = getattr(item, "cls", None)
    if not (isinstance(case, type) and issubclass(case, unittest.IsolatedAsyncioTestCase)):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        if sys.version_info >= (3, 13):
            if case.loop_factory is None:
                patch.setattr(case, "loop_factory", staticmethod(new_test_loop))
            yield
        else:
            import asyncio

            before = asyncio.get_event_loop_policy()
            asyncio.set_event_loop_policy(_policy())
            try:
                yield
            finally:
                asyncio.set_event_loop_policy(before)

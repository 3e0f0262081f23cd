"""A plugin for pytest-asyncio 1.4 and newer, which makes all loops by what this fixture of its own says. Registered only when it is wanted.

Its documented hook is answered where the fixture is missing (`Factories`). It makes each async test a parametrized one: a
fixture of a wide scope that a plain test shares with async ones is then set up twice, the plain test's is not on riata,
and tests may be put in another order.
"""

import asyncio.events
from collections.abc import Callable
from typing import Any

import pytest

from riata.testing.loop import new_test_loop

__all__ = ["_asyncio_loop_factory"]


@pytest.fixture(scope="session")
def _asyncio_loop_factory(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return what makes the loops: the suite's own hook has it as a parameter."""
    outside = _policy()

    def factory() -> Any:
        # pytest-asyncio sets what its fixture `event_loop_policy` says, which is the policy outside unless the suite has its own.
        policy = _policy()
        return new_test_loop() if policy is outside else policy.new_event_loop()

    made: Callable[[], Any] = getattr(request, "param", factory)
    return made


def _policy() -> Any:
    # From 3.14 on the public function warns.
    events: Any = asyncio.events
    return getattr(events, "_get_event_loop_policy", events.get_event_loop_policy)()

"""A plugin for pytest-asyncio 1.4 and newer, which makes all loops by what this fixture of its own says. Registered only when it is wanted.

Its documented hook is answered where the fixture is missing (`Factories`). It makes each async test a parametrized one: a
fixture of a wide scope that a plain test shares with async ones is then set up twice, the plain test's is not on riata,
and tests may be put in another order.
"""

from collections.abc import Callable
from typing import Any

import pytest

from riata.testing.loop import new_test_loop

__all__ = ["_asyncio_loop_factory"]


@pytest.fixture(scope="session")
def _asyncio_loop_factory(request: pytest.FixtureRequest) -> Callable[[], Any]:
    """Return what makes the loops: the suite's own hook has it as a parameter."""
    factory: Callable[[], Any] = getattr(request, "param", new_test_loop)
    return factory

"""A plugin for pytest-asyncio 0.23 to 1.3, which asks this fixture for a policy. Registered only when it is wanted.

A module, since pytest 9 warns of fixtures of a wide scope that are methods.
"""

from typing import Any

import pytest

from riata.testing.riding import new_policy

__all__ = ["event_loop_policy"]


@pytest.fixture(scope="session", autouse=True)
def event_loop_policy() -> Any:
    """The event loop policy of async tests."""
    return new_policy()

"""The fixture `riata_tasks`: which tasks there are, and which have come and gone since."""

import asyncio
from asyncio import events
from typing import Any, NamedTuple

import pytest

from riata.testing.loop import TestLoop

__all__ = ["TaskChanges", "Tasks", "TasksFixture"]

_Task = asyncio.Task[Any]


class TaskChanges(NamedTuple):
    """What `Tasks.diff` returns: tasks by name."""

    started: "list[_Task]"
    ended: "list[_Task]"


class Tasks:
    """The tasks of the loop that a test runs on; what the fixture `riata_tasks` gives.

    Threads: that of the loop.
    """

    def snapshot(self) -> "frozenset[_Task]":
        """The tasks that are not done, that of the test among them.

        Raises:
            RuntimeError: no loop of riata's plugin runs here.
        """
        loop = events._get_running_loop()
        if not isinstance(loop, TestLoop):
            raise RuntimeError(
                "riata_tasks: no event loop of riata's plugin runs here\n"
                "hint: ask for tasks in an async test or fixture, or in what these call"
            )
        return frozenset(asyncio.all_tasks(loop))

    def diff(self, before: "frozenset[_Task]") -> TaskChanges:
        """What has changed since a snapshot: the tasks that were started since and are not done, and those that have ended.

        Args:
            before: what `snapshot` returned.
        Raises:
            RuntimeError: as for `snapshot`.
        """
        now = self.snapshot()
        return TaskChanges(_by_name(now - before), _by_name(before - now))


def _by_name(tasks: "frozenset[_Task]") -> "list[_Task]":
    return sorted(tasks, key=lambda task: task.get_name())


class TasksFixture:
    """A plugin with the fixture. Registered when riata is switched on."""

    @pytest.fixture
    def riata_tasks(self) -> Tasks:
        """The tasks of the test's event loop: `snapshot()`, and `diff(snapshot)`."""
        return Tasks()

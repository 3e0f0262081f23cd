"""`Barrier`. Mirrors `asyncio.Barrier`, which 3.10 lacks."""

import enum
import sys
from types import TracebackType

from riata._riata import Condition
from riata.chains import stand_for
from riata.exceptions import BrokenBarrierError

__all__ = ["Barrier"]


class _State(enum.Enum):
    FILLING = "filling"
    DRAINING = "draining"
    RESETTING = "resetting"
    BROKEN = "broken"


class Barrier:
    """Lets tasks go on once a fixed number of them has come.

    Args:
        parties: how many tasks wait for each other, one at least.
    Raises:
        ValueError: fewer.
    Cancellation: a task that is cancelled while it waits counts as not come.
    Mirrors: `asyncio.Barrier`.
    """

    __module__ = "riata"

    def __init__(self, parties: int) -> None:
        if parties < 1:
            what = ">= 1" if sys.version_info < (3, 11) or sys.version_info >= (3, 14) else "> 0"
            raise ValueError(f"parties must be {what}")
        self._cond = Condition()
        stand_for(self._cond, "Barrier.wait", self)
        self._parties = parties
        self._state = _State.FILLING
        self._count = 0

    def __repr__(self) -> str:
        extra = self._state.value
        if not self.broken:
            extra += f", waiters:{self.n_waiting}/{self.parties}"
        return f"<{super().__repr__()[1:-1]} [{extra}]>"

    async def __aenter__(self) -> int:
        return await self.wait()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        pass

    async def wait(self) -> int:
        """Wait until all parties have come; return a number from 0 to `parties - 1`, each to one of them.

        Raises:
            BrokenBarrierError: the barrier was reset or aborted.
        """
        async with self._cond:
            await self._cond.wait_for(
                lambda: self._state not in (_State.DRAINING, _State.RESETTING)
            )
            if self._state is _State.BROKEN:
                raise BrokenBarrierError("Barrier aborted")
            try:
                index = self._count
                self._count += 1
                if index + 1 == self._parties:
                    self._state = _State.DRAINING
                    self._cond.notify_all()
                else:
                    await self._cond.wait_for(lambda: self._state is not _State.FILLING)
                    if self._state in (_State.BROKEN, _State.RESETTING):
                        raise BrokenBarrierError("Abort or reset of barrier")
                return index
            finally:
                self._count -= 1
                self._leave()

    def _leave(self) -> None:
        """Let those in who wait for the last one to go."""
        if self._count == 0:
            if self._state in (_State.RESETTING, _State.DRAINING):
                self._state = _State.FILLING
            self._cond.notify_all()

    async def reset(self) -> None:
        """Make the barrier as new; tasks that wait get `BrokenBarrierError`."""
        async with self._cond:
            if self._count > 0:
                self._state = _State.RESETTING
            else:
                self._state = _State.FILLING
            self._cond.notify_all()

    async def abort(self) -> None:
        """Break the barrier: tasks that wait, and those that come, get `BrokenBarrierError`."""
        async with self._cond:
            self._state = _State.BROKEN
            self._cond.notify_all()

    @property
    def parties(self) -> int:
        """How many tasks wait for each other."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many tasks have come and wait for the others."""
        return self._count if self._state is _State.FILLING else 0

    @property
    def broken(self) -> bool:
        """Whether the barrier was aborted."""
        return self._state is _State.BROKEN

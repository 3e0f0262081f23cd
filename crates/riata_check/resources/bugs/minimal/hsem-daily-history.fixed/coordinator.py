from __future__ import annotations

import asyncio
from datetime import datetime

from history import DailyTracker


class Coordinator:
    def __init__(self, hass, entry) -> None:
        self.hass = hass
        self.entry = entry
        self.lock = asyncio.Lock()
        self._tracker: DailyTracker | None = None

    async def async_update(self) -> None:
        async with self.lock:
            await self._async_run_update_cycle()

    async def _async_run_update_cycle(self) -> None:
        state = await self.hass.state(self.entry)
        await asyncio.to_thread(self._accumulate, state)

    def _accumulate(self, state) -> None:
        if self._tracker is None:
            self._init_tracker()
        tracker = self._tracker
        if tracker is None:
            return
        tracker.check_day_rollover(datetime.now())
        tracker.accumulate("grid", state["grid"])

    def _init_tracker(self) -> None:
        self._tracker = DailyTracker(history_file=self.hass.path("history.json"))

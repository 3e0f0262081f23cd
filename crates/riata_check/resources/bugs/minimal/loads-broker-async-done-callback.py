"""Starts runs and notes in the database when one of them is over."""

import asyncio
import functools
from typing import Any


class Run:
    def __init__(self) -> None:
        self.state = "waiting"

    async def run(self) -> str:
        await asyncio.sleep(0)
        return "done"


class Broker:
    def __init__(self) -> None:
        self._runs: dict[int, "asyncio.Task[str]"] = {}

    async def start(self, number: int, session: Any) -> None:
        run = Run()
        task = asyncio.create_task(run.run())
        self._runs[number] = task
        task.add_done_callback(functools.partial(self._completed, session, run))  # bug

    async def _completed(self, session: Any, run: Run, future: "asyncio.Future[str]") -> None:
        run.state = future.result()
        session.commit()

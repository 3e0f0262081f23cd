"""Keeps what was planned and what happened, day by day."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path


@dataclass
class DailyTracker:
    history_file: str = ""
    today: str = ""
    actual: dict[str, float] = field(default_factory=dict)
    history: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.today:
            self.today = date.today().isoformat()
        if self.history_file:
            self.load_history()

    def check_day_rollover(self, now: datetime) -> dict | None:
        today = now.date().isoformat()
        if today == self.today:
            return None
        record = {"date": self.today, "actual": dict(self.actual)}
        self._save(record)
        self.today = today
        self.actual = {}
        return record

    def accumulate(self, name: str, value: float) -> None:
        self.actual[name] = self.actual.get(name, 0.0) + value

    def load_history(self) -> None:
        path = Path(self.history_file)
        if not path.exists():
            return
        with open(path, encoding="utf-8") as file:
            self.history = json.load(file).get("days", [])

    def _save(self, record: dict) -> bool:
        self.history.append(record)
        return self._write()

    def _write(self) -> bool:
        folder = os.path.dirname(self.history_file)
        descriptor, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"days": self.history}, file)
        os.replace(name, self.history_file)
        return True

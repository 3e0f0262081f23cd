"""The state of a dashboard: one object for the whole process."""

import json
from pathlib import Path


class Dashboard:
    def __init__(self):
        self.ignored_devices = set()
        self.storage = Path("ignored-devices.json")

    def load_ignored_devices(self):
        try:
            with self.storage.open("r", encoding="utf-8") as stored:
                self.ignored_devices = set(json.load(stored)["ignored_devices"])
        except FileNotFoundError:
            pass

    def save_ignored_devices(self):
        with self.storage.open("w", encoding="utf-8") as stored:
            json.dump({"ignored_devices": sorted(self.ignored_devices)}, stored, indent=2)


DASHBOARD = Dashboard()

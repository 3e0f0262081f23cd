import json
from pathlib import Path


class CarrierDetector:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._patterns: list[dict] | None = None

    def load(self) -> None:
        self._patterns = []
        for path in sorted(self._folder.glob("*.json")):
            self._patterns.append(json.loads(path.read_text()))

    def detect(self, number: str) -> str | None:
        if self._patterns is None:
            self.load()
        for pattern in self._patterns or []:
            if number.startswith(pattern["prefix"]):
                return pattern["name"]
        return None

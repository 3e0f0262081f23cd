"""Files that hold JSON."""

import json
from pathlib import Path
from typing import Any


def save_json(path: str | Path, data: Any) -> None:
    text = json.dumps(data, indent=4)
    with Path(path).open("w", encoding="utf-8") as file:
        file.write(text)


def load_json(path: str | Path) -> Any:
    with Path(path).open(encoding="utf-8") as file:
        return json.loads(file.read())

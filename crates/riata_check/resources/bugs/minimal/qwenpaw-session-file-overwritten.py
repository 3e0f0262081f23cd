"""Keeps the state of chats in one JSON file each."""

import json
from pathlib import Path
from typing import Any

import aiofiles


class Sessions:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, session: str) -> Path:
        return self.folder / f"{session}.json"

    async def update(self, session: str, key: str, value: Any) -> None:
        async with aiofiles.open(self.path(session)) as file:
            state = json.loads(await file.read())
        state[key] = value
        async with aiofiles.open(self.path(session), "w") as file:  # bug
            await file.write(json.dumps(state))  # bug

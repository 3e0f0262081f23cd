import asyncio
import importlib
import io
import zipfile
from pathlib import Path


async def direct(path: Path):
    with open("x") as file:  # error: RIA103
        print(file)
    path.read_text()  # error: RIA103
    importlib.import_module("x")  # error: RIA103


async def elsewhere(path: Path):
    await asyncio.to_thread(path.read_text)
    return path / "x"


def synchronous():
    return open("x")


async def in_memory(data: bytes):
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer) as archive:
        print(archive)
    zipfile.ZipFile("x.zip")  # error: RIA103

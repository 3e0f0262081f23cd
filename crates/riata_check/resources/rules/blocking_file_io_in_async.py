import asyncio
import importlib
import io
import os
import ssl
import tempfile
import zipfile
from pathlib import Path

import httpx


async def direct(path: Path):
    with open("x") as file:  # error: RIA103
        print(file)
    path.read_text()  # error: RIA103
    tempfile.mkstemp()  # error: RIA103


async def nothing_behind_it():
    with open(os.devnull) as file, open("/dev/null") as other:
        return os.open(os.devnull, os.O_RDONLY), file, other


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


async def one_of_many_modules(name, setting):
    importlib.import_module(f"drivers.{name}")  # error: RIA103
    module = "drivers." + name
    importlib.import_module(module)  # error: RIA103
    importlib.import_module("x")
    importlib.import_module(setting.backend)


async def certificates(purpose=ssl.Purpose.CLIENT_AUTH):
    ssl.create_default_context()  # error: RIA103
    ssl.create_default_context(ssl.Purpose.SERVER_AUTH)  # error: RIA103
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile="x.pem")  # error: RIA103
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ssl.create_default_context(purpose=purpose)
    ssl.create_default_context(cadata="…")


async def knows_what_it_costs(path: Path, size):
    if size < 4096:
        path.read_bytes()
    else:
        await asyncio.to_thread(path.read_bytes)
    path.read_text() if size < 4096 else await asyncio.to_thread(path.read_text)
    path.write_text("")  # error: RIA103
    await asyncio.to_thread(path.write_text, "")


async def makes_a_folder():
    with tempfile.TemporaryDirectory() as folder:
        return folder


async def clients(application, options):
    async with httpx.AsyncClient() as client:  # error: RIA103
        await client.get("https://example.org")
    httpx.AsyncClient(transport=None)  # error: RIA103
    httpx.AsyncClient(transport=httpx.ASGITransport(app=application))
    httpx.AsyncClient(verify=False)
    httpx.AsyncClient(**options)


async def certificates(make_context, path):
    context = make_context()
    context.load_cert_chain(path)  # error: RIA103
    context.load(path)

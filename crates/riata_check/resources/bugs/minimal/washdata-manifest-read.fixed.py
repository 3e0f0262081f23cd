import json
from pathlib import Path as _Path


def websocket_command(function):
    return function


def _version():
    return json.loads((_Path(__file__).parent / "manifest.json").read_text(encoding="utf-8"))["version"]


@websocket_command
async def ws_get_constants(hass, connection, message):
    try:
        version = await hass.async_add_executor_job(_version)
    except (OSError, ValueError):
        version = "unknown"
    connection.send_result(message["id"], {"version": version})

import json
from pathlib import Path as _Path


def websocket_command(function):
    return function


@websocket_command
async def ws_get_constants(hass, connection, message):
    try:
        version = json.loads((_Path(__file__).parent / "manifest.json").read_text(encoding="utf-8"))["version"]  # bug
    except (OSError, ValueError):
        version = "unknown"
    connection.send_result(message["id"], {"version": version})

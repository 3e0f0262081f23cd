"""Endpoints of a gateway that ask docker about the containers behind it."""

import subprocess

from fastapi import APIRouter, HTTPException

router = APIRouter()


@router.get("/servers/{name}/state")
async def server_state(name: str) -> dict:
    try:
        inspected = subprocess.run(  # bug
            ["docker", "inspect", "--format", "{{.State.Status}}", name],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except subprocess.TimeoutExpired as error:
        raise HTTPException(504, "docker does not answer") from error
    if inspected.returncode != 0:
        raise HTTPException(404, inspected.stderr.strip())
    return {"name": name, "state": inspected.stdout.strip()}

"""The health endpoint of a service."""

import psutil
from fastapi import APIRouter

router = APIRouter(prefix="/health")


@router.get("/metrics")
async def metrics():
    load = psutil.cpu_percent(interval=None)
    memory = psutil.virtual_memory()
    return {"cpu": load, "memory": memory.percent}

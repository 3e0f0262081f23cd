import asyncio
from typing import Any, Dict, Optional

from fastapi import APIRouter, Body

from db import DB

router = APIRouter()
db = DB()


@router.post("/export/delete/{id}")
async def post_export_delete(id: int) -> Dict[str, Any]:
    """Delete an export."""
    await asyncio.to_thread(db.delete_report_task, id)
    return {"ok": True}


@router.post("/export")
async def post_export(
    language: str = Body(),
    tag: Optional[str] = Body(None),
    arguments: Dict[str, Any] = Body({}),
) -> Dict[str, Any]:
    """Create an export."""
    await asyncio.to_thread(db.create_report_task, tag=tag, language=language, arguments=arguments)
    return {"ok": True}

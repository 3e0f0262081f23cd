from database import get_async_session
from fastapi import APIRouter, Depends, Request
from models import Workspace
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

router = APIRouter()


@router.post("/events")
async def slack_events(request: Request, session: AsyncSession = Depends(get_async_session)):
    payload = await request.json()
    workspace = (await session.exec(select(Workspace).where(Workspace.team == payload["team"]))).first()
    if workspace is None:
        return {"ok": False}
    workspace.last_event = payload["event_time"]
    session.add(workspace)
    await session.commit()
    return {"ok": True}

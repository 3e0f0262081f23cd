from database import get_session
from fastapi import APIRouter, Depends, Request
from models import Workspace
from sqlmodel import Session, select

router = APIRouter()


@router.post("/events")
async def slack_events(request: Request, session: Session = Depends(get_session)):
    payload = await request.json()
    workspace = session.exec(select(Workspace).where(Workspace.team == payload["team"])).first()  # bug
    if workspace is None:
        return {"ok": False}
    workspace.last_event = payload["event_time"]
    session.add(workspace)
    session.commit()  # bug
    return {"ok": True}

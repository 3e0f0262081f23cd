from fastapi import APIRouter, Request

from box import jobs

router = APIRouter()


@router.get("/schedules")
async def schedules(request: Request):
    return await jobs.list_schedules(request.app.state.session)

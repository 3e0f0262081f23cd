from box.db import core


async def list_schedules(session):
    return await core.with_retry(lambda: session.fetch("schedules"))

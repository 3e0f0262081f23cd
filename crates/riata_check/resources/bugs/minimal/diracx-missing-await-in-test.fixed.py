"""Decides whether a caller may see a job."""

import asyncio


class Jobs:
    async def owner(self, job: int) -> str:
        await asyncio.sleep(0)
        return "alice"

    async def is_public(self, job: int) -> bool:
        await asyncio.sleep(0)
        return False


async def may_read(jobs: Jobs, user: str, job: int) -> bool:
    if await jobs.is_public(job):
        return True
    return await jobs.owner(job) == user

"""A wrapper around a version control command that remembers the answers of its queries."""

import asyncio
import functools


class Repository:
    def __init__(self, path: str) -> None:
        self.path = path

    async def _run(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "git", "-C", self.path, *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode().strip()

    @functools.lru_cache(maxsize=None)  # bug
    async def commit_of(self, ref: str) -> str:  # bug
        return await self._run("rev-parse", ref)

    async def same_commit(self, first: str, second: str) -> bool:
        return await self.commit_of(first) == await self.commit_of(second)

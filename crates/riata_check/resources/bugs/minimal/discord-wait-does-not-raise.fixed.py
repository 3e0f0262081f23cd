"""Asks for the members of every guild and waits a while for the answers."""

import asyncio
import logging

logger = logging.getLogger(__name__)


class State:
    def __init__(self) -> None:
        self._answers: dict[int, "asyncio.Future[None]"] = {}

    def expect(self, guild: int) -> "asyncio.Future[None]":
        answer: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._answers[guild] = answer
        return answer

    async def wait_for_members(self, guilds: list[int]) -> None:
        answers = [self.expect(guild) for guild in guilds]
        _, pending = await asyncio.wait(answers, timeout=len(answers) * 5.0)
        for answer in pending:
            answer.cancel()
        if pending:
            logger.warning("%d guilds did not answer in time", len(pending))

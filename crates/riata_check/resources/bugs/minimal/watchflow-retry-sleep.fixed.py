"""A condition that a language model decides."""

import asyncio
import logging

logger = logging.getLogger(__name__)


class LLMAssistedCondition:
    max_attempts = 3

    async def evaluate(self, context, chain):
        for attempt in range(1, self.max_attempts + 1):
            try:
                return await chain.ainvoke({"rule": context["rule"]})
            except Exception as error:
                if attempt == self.max_attempts:
                    logger.error("gives up: %s", error)
                    return None
                wait_time = 2**attempt
                await asyncio.sleep(wait_time)

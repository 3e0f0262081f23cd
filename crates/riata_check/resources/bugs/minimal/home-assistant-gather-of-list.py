"""Removes what an integration left behind when its entry is deleted."""

import asyncio
from collections.abc import Iterable


class Client:
    async def remove(self, webhook: str) -> None:
        await asyncio.sleep(0)


async def remove_entry(client: Client, webhooks: Iterable[str]) -> None:
    removals = []
    for webhook in webhooks:
        removals.append(client.remove(webhook))
    await asyncio.gather(removals)  # bug

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

import utils


@dataclass
class Scheduler:
    services: dict = field(default_factory=dict)
    by_node: dict[UUID, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def is_service_awaiting_manual_intervention(self, node: UUID) -> bool:
        """Whether the service of a node waits for somebody."""
        if node not in self.by_node:
            raise KeyError(node)
        name = self.by_node[node]
        return utils.service_awaits_manual_interventions(self.services[name])  # bug

    async def remove(self, node: UUID) -> None:
        async with self.lock:
            self.services.pop(self.by_node.pop(node))

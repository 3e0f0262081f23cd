"""A game in which players open the chests they have won."""

import asyncio
from dataclasses import dataclass, field


@dataclass
class Player:
    chests: int = 0
    items: list[str] = field(default_factory=list)


class Game:
    def __init__(self) -> None:
        self.players: dict[str, Player] = {}

    async def reward(self, name: str, chests: int) -> None:
        self.players[name].chests += chests

    async def choose(self, name: str) -> str:
        await asyncio.sleep(1)
        return "sword"

    async def open_chest(self, name: str) -> None:
        player = self.players[name]
        if player.chests == 0:
            return
        player.chests -= 1
        item = await self.choose(name)
        player.items.append(item)

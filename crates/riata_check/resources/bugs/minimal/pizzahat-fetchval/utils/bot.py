import asyncpg
from discord.ext import commands


class Bot(commands.Bot):
    db: asyncpg.Pool | None

    async def setup_hook(self):
        self.db = await asyncpg.create_pool(database="bot")

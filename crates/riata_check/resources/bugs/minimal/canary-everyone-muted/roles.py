"""Roles that members have, kept in a database."""

import aiosqlite
import discord
from bot import Bot


async def saved_roles(bot: Bot, member: discord.Member) -> list[int]:
    async with aiosqlite.connect(bot.config.db_path) as db:
        async with db.execute("SELECT role FROM roles WHERE user = ?", (member.id,)) as cursor:
            return [row[0] async for row in cursor]


async def is_in_muted_table(bot: Bot, member: discord.Member) -> bool:
    async with aiosqlite.connect(bot.config.db_path) as db:
        async with db.execute("SELECT 1 FROM muted WHERE user = ?", (member.id,)) as cursor:
            return (await cursor.fetchone()) is not None

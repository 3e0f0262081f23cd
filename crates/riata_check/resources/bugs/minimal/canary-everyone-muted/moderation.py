import discord
from bot import Bot
from discord.ext import commands
from roles import is_in_muted_table


class Moderation(commands.Cog):
    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.muted_role: discord.Role | None = None

    @commands.Cog.listener()
    async def on_member_join(self, member: discord.Member):
        if is_in_muted_table(self.bot, member):  # bug
            await self.mute(member)

    @commands.Cog.listener()
    async def on_member_update(self, before: discord.Member, after: discord.Member):
        if self.muted_role in after.roles and self.muted_role not in before.roles:
            await self.mute(after)

    async def mute(self, member: discord.Member):
        await member.add_roles(self.muted_role, reason="muted")

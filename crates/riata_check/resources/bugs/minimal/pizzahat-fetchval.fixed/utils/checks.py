from discord.ext import commands

from utils.bot import Bot


def tickets_enabled():
    async def predicate(ctx: commands.Context):
        bot: Bot = ctx.bot
        channel = bot.db and await bot.db.fetchval("SELECT channel FROM tickets WHERE guild = $1", ctx.guild.id)
        if channel is None:
            raise commands.CheckFailure("tickets are off")
        return True

    return commands.check(predicate)

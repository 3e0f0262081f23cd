import asyncio


class AutoUpgrade:
    def __init__(self, bot):
        self.bot = bot

    async def wait_for_approval(self, message, check):
        while True:
            try:
                return await asyncio.wait_for(self.bot.next_reaction(check), timeout=3600)
            except TimeoutError:  # bug
                await message.reply("still waiting")

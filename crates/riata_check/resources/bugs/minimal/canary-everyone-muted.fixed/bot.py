from discord.ext import commands


class Bot(commands.Bot):
    def __init__(self, config, **options):
        super().__init__(**options)
        self.config = config

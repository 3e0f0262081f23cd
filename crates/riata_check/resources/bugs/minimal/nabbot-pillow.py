"""A Discord command that looks at a screenshot."""

import io

import aiohttp
from discord.ext import commands
from PIL import Image


class Loot(commands.Cog):
    @commands.command()
    async def loot(self, ctx):
        attachment = ctx.message.attachments[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(attachment.url) as response:
                data = await response.read()
        picture = Image.open(io.BytesIO(data)).convert("RGBA")  # bug
        picture = picture.resize((picture.width * 2, picture.height * 2))  # bug
        await ctx.send(f"{picture.width} x {picture.height}")

"""A Discord command that looks at a screenshot."""

import asyncio
import io

import aiohttp
from discord.ext import commands
from PIL import Image


def enlarged(data):
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    return picture.resize((picture.width * 2, picture.height * 2))


class Loot(commands.Cog):
    @commands.command()
    async def loot(self, ctx):
        attachment = ctx.message.attachments[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(attachment.url) as response:
                data = await response.read()
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(None, enlarged, data)
        await ctx.send(f"{picture.width} x {picture.height}")

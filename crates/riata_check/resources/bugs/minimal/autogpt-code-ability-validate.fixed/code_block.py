"""A step whose answer is a Python program."""

import asyncio
import subprocess

from block import Block, InvalidAnswer


async def run_checker(command: list[str], source: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate(source.encode())
    if process.returncode != 0:
        raise InvalidAnswer(out.decode())
    return out.decode()


class CodeBlock(Block):
    async def validate(self, answer: str) -> str:
        await run_checker(["ruff", "check", "-"], answer)
        return await run_checker(["ruff", "format", "-"], answer)

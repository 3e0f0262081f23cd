"""A step whose answer is a Python program."""

import subprocess

from block import Block, InvalidAnswer


def run_checker(command: list[str], source: str) -> str:
    checked = subprocess.run(command, input=source, capture_output=True, text=True)
    if checked.returncode != 0:
        raise InvalidAnswer(checked.stdout)
    return checked.stdout


class CodeBlock(Block):
    def validate(self, answer: str) -> str:
        run_checker(["ruff", "check", "-"], answer)
        return run_checker(["ruff", "format", "-"], answer)

"""The examples of the patterns print what they say, on riata's loop and on asyncio's."""

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ..support import LOOPS, PY311

FOLDER = Path(__file__).parents[2] / "examples"
PRINTS = "\nPrints:\n"


def expected_output(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""
    return textwrap.dedent(docstring.partition(PRINTS)[2])


PATTERNS = [path for path in sorted(FOLDER.glob("*.py")) if expected_output(path)]


def test_there_are_examples():
    assert len(PATTERNS) >= 6


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.stem)
def test_example_prints_what_it_says(path, loop):
    if path.stem in ("deadlines", "failures") and not PY311 and loop == "asyncio":
        pytest.skip("asyncio's tasks have no uncancel before 3.11")
    environment = {**os.environ, "RIATA_LOOP": loop}
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, env=environment, check=False
    )
    said = "riata: switched off by RIATA_LOOP=asyncio, running on asyncio\n"
    assert (done.returncode, done.stderr.replace(said, "")) == (0, "")
    assert done.stdout == expected_output(path)

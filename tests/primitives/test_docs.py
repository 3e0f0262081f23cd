"""The programs in docs/primitives.md run as they stand there."""

import re
import subprocess
import sys

import pytest

from ..support import TESTS

PAGE = (TESTS.parent / "docs" / "primitives.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def section_of(program):
    return re.findall(r"^##? (.*)$", PAGE[: PAGE.index(program)], re.MULTILINE)[-1]


@pytest.mark.parametrize("program", PROGRAMS, ids=section_of)
def test_a_program_of_the_page(program, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program)
    with subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            if "SIGTERM" in program:
                process.stdout.readline()
                process.terminate()
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")

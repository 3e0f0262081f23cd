"""The three ways that a program of `apps` is run: on asyncio, on riata's loop, and with riata's primitives as well."""

from __future__ import annotations

import os
import subprocess
import sys

from ..support import LOOPS, script_environment
from .servers import APPS

# How the program is started, and what it is to say of itself in its first line: where its loop and its `Lock` are from.
WAYS = {
    "asyncio": ((), "asyncio asyncio"),
    "riata": (("-m", "riata", "run"), "riata asyncio"),
    "native": (("-m", "riata", "run", "--native"), "riata riata"),
}
# Without riata it is run on asyncio twice, which shows that it is repeatable.
CHOSEN = list(WAYS) if "riata" in LOOPS else ["asyncio", "asyncio"]


def run_in_every_way(
    app: str, *args: str, env: dict[str, str] | None = None, timeout: float = 30
) -> list[str]:
    """Run `apps/app.py args` in every way; give back the lines that it prints, which must be the same each time."""
    expected: list[str] | None = None
    for way in CHOSEN:
        prefix, first = WAYS[way]
        environment = script_environment("asyncio", **(env or {}))
        environment.pop("RIATA_LOOP", None)
        done = subprocess.run(
            [sys.executable, *prefix, os.path.join(APPS, f"{app}.py"), *args],
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        said = f"{way}: {done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        # No traceback, no complaint of the loop or of a library.
        assert done.stderr == "", said
        lines = done.stdout.splitlines()
        assert lines[:1] == [first], said
        if expected is None:
            expected = lines[1:]
        assert lines[1:] == expected, f"{way} differs from {CHOSEN[0]}, which gave {expected}"
    assert expected, "the program said nothing"
    return expected

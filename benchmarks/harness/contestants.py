"""Who takes part: the loops, libraries with primitives of their own, and the plain echo servers that show where the floor is."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass

from cases.peers import PEERS

SPECS = {
    "asyncio": "asyncio:new_event_loop",
    "uvloop": "uvloop:new_event_loop",
    "rloop": "rloop:new_event_loop",
    "riata": "riata:new_event_loop",
}
FLOORS = ("c", "rust")


@dataclass(frozen=True)
class Contestant:
    """A loop factory, or the name of a library, in an interpreter; a floor has neither."""

    name: str
    spec: str | None = None
    python: str = sys.executable

    @property
    def is_floor(self) -> bool:
        return self.spec is None

    @property
    def is_library(self) -> bool:
        return self.spec in PEERS

    def version(self) -> str:
        """Version of the package that it comes from; the interpreter's for asyncio.

        Raises:
            LookupError: the package cannot be imported by the interpreter.
        """
        if self.spec is None:
            return "-"
        program = (
            "import importlib, importlib.metadata as m, sys\n"
            "name = sys.argv[1]\n"
            "module = importlib.import_module(name)\n"
            "sys.argv[2] and getattr(module, sys.argv[2])\n"
            "try: version = m.version(name.partition('.')[0])\n"
            "except m.PackageNotFoundError: version = getattr(module, '__version__', None)\n"
            "if name.partition('.')[0] in sys.stdlib_module_names: version = sys.version.split()[0]\n"
            "print(version or 'unknown')\n"
        )
        module, _, attribute = self.spec.partition(":")
        done = subprocess.run(
            [self.python, "-c", program, module, attribute],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise LookupError(
                f"cannot load `{self.spec}` with {self.python}: {reason[0]}\n"
                "hint: `pip install -r benchmarks/requirements.txt`, or leave it out with `--loops`"
            )
        return done.stdout.strip()


def parse_contestants(words: str, python: str = sys.executable) -> list[Contestant]:
    """Contestants from `asyncio,uvloop,mine=package:factory,old=/path/to/python@riata:factory`.

    Raises:
        LookupError: a word is neither a known name nor of that form.
    """
    contestants = []
    for word in filter(None, (word.strip() for word in words.split(","))):
        if word in FLOORS:
            contestants.append(Contestant(word))
        elif word in SPECS:
            contestants.append(Contestant(word, SPECS[word], python))
        elif word in PEERS:
            contestants.append(Contestant(word, word, python))
        elif match := re.fullmatch(r"(?:([\w.-]+)=)?(?:(.+)@)?([\w.]+:\w+)", word):
            name, its_python, spec = match.groups()
            contestants.append(Contestant(name or spec, spec, its_python or python))
        else:
            raise LookupError(
                f"no loop is called `{word}`\n"
                f"hint: {', '.join((*SPECS, *PEERS, *FLOORS))}, or name=[python@]module:factory"
            )
    names = [contestant.name for contestant in contestants]
    if len(set(names)) < len(names):
        raise LookupError("two loops have the same name\nhint: give one with `name=…`")
    return contestants

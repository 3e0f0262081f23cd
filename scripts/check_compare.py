#!/usr/bin/env python3
"""Count which lines of the checker's rule tests other tools report, and write the table of docs/reference/rules/compared.md.

    scripts/check_compare.py target/checker/riata-check FOLDER

FOLDER has the programs of the other tools (`make check-compare` makes one). Each line with `# error: RIA…` in
crates/riata_check/resources/rules is a case; a tool finds it when it reports anything about async code on that line, whatever it calls it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "crates/riata_check/resources/rules"
PAGE = ROOT / "docs/reference/rules/compared.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"

# What of a tool's rules is about async code; the rest (style, names, files left open) is neither asked for nor counted.
RUFF_RULES = "ASYNC,RUF006,RUF029,B019"
CODEHOUND_RULES = (
    "CH001,CH004,CH006,CH007,CH008,CH011,CH013,CH014,CH015,CH018,CH020,CH022,CH029,CH030"
)
# Our test files import what is not installed, and are untidy.
PYRIGHT_LEFT_OUT = re.compile(
    "reportMissing|reportUndefined|reportPossiblyUnbound|reportRedeclaration|reportUnusedExpression"
)

Place = tuple[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("tools", type=Path)
    options = parser.parse_args()
    tools = options.tools.resolve()
    command = [str(options.binary.resolve()), "rule", "--all", "--output-format", "json"]
    rules = json.loads(run(command))
    found = {
        f"ruff {version(tools / 'ruff')}": set(ruff(tools)),
        f"flake8-async {version(tools / 'python', '-c', FLAKE8_ASYNC_VERSION)}": set(
            flake8_async(tools)
        ),
        f"basedpyright {version(tools / 'basedpyright')}": set(basedpyright(tools)),
        f"codehound {version(tools / 'codehound')}": set(codehound(tools)),
    }
    table = render(rules, found)
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{table}{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


FLAKE8_ASYNC_VERSION = "import flake8_async; print(flake8_async.__version__)"


def version(program: Path, *arguments: str) -> str:
    out = run([str(program), *(arguments or ("--version",))])
    return re.search(r"\d+(\.\d+)+", out)[0]


def run(command: list[str]) -> str:
    """Return what a command prints. Tools that find something end with a status of their own."""
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=600)
    if not done.stdout and done.stderr:
        sys.exit(f"error: {command[0]}: {done.stderr}")
    return done.stdout


def ruff(tools: Path) -> Iterator[Place]:
    command = [str(tools / "ruff"), "check", "--isolated", "--no-cache", "--exit-zero", "--preview"]
    command += ["--select", RUFF_RULES, "--output-format", "json", "--ignore-noqa", "."]
    for report in json.loads(run(command)):
        yield from lines(
            report["filename"], report["location"]["row"], report["end_location"]["row"]
        )


def flake8_async(tools: Path) -> Iterator[Place]:
    """All of its checks, also those that are off by default."""
    files = [str(path) for path in sorted(TESTS.rglob("*.py"))]
    for line in run(
        [str(tools / "flake8-async"), "--enable", "ASYNC", "--disable-noqa", *files]
    ).splitlines():
        if match := re.match(r"(.+?):(\d+):\d+:? ASYNC\d+", line):
            yield from lines(match[1], int(match[2]), int(match[2]))


def basedpyright(tools: Path) -> Iterator[Place]:
    """Its standard mode, pyright's, and the warnings about values that are not used."""
    out = run([str(tools / "basedpyright"), "--outputjson", "--level", "warning", "."])
    for report in json.loads(out)["generalDiagnostics"]:
        if not PYRIGHT_LEFT_OUT.match(report.get("rule", "")):
            where = report["range"]
            yield from lines(report["file"], where["start"]["line"] + 1, where["end"]["line"] + 1)


def codehound(tools: Path) -> Iterator[Place]:
    command = [str(tools / "codehound"), "scan", "--select", CODEHOUND_RULES, "--include-tests"]
    for report in json.loads(run([*command, "--exit-zero", "--format", "json", "."])):
        line = report["line"]
        yield from lines(report["path"], line, line)


def lines(file: str, first: int, last: int) -> Iterator[Place]:
    path = (TESTS / file).resolve()
    # What spans a whole function says nothing of one line of it.
    for line in range(first, min(last, first + 3) + 1):
        yield str(path.relative_to(TESTS)), line


def expected() -> dict[str, set[Place]]:
    """Return the lines where each rule is to report something, by its code."""
    cases: dict[str, set[Place]] = {}
    for path in sorted(TESTS.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for code in re.findall(r"RIA\d+", line.partition("# error: ")[2]):
                cases.setdefault(code, set()).add((str(path.relative_to(TESTS)), number))
    return cases


def render(rules: list[dict], found: dict[str, set[Place]]) -> str:
    cases = expected()
    rows = [f"| rule | lines | {' | '.join(found)} |", "|---|---:" + "|---:" * len(found) + "|"]
    sums = dict.fromkeys(found, 0)
    for rule in rules:
        wanted = cases.get(rule["code"], set())
        # The first rules are about comments of this checker.
        if not wanted or rule["code"].startswith("RIA00"):
            continue
        cells = []
        for tool, places in found.items():
            count = len(wanted & places)
            sums[tool] += count
            cells.append(str(count or ""))
        name = f"[{rule['name']}]({rule['name']}.md)"
        rows.append(f"| {rule['code']} {name} | {len(wanted)} | {' | '.join(cells)} |")
    total = sum(len(wanted) for code, wanted in cases.items() if not code.startswith("RIA00"))
    rows.append(f"| all | {total} | {' | '.join(map(str, sums.values()))} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())

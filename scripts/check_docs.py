#!/usr/bin/env python3
"""Write the checker's reference pages, docs/reference/rules, from what `riata-check rule` says.

    scripts/check_docs.py target/checker/riata-check           write a page for each rule, and the index
    scripts/check_docs.py target/checker/riata-check --check   exit status 1 when a page is out of date

The text of a page is the comment on the rule in crates/riata_check/src/rules. `--check` also wants the rules, their pages,
their source files and their test files to name the same set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/reference/rules"
SOURCES = ROOT / "crates/riata_check/src/rules"
TESTS = ROOT / "crates/riata_check/resources/rules"
BY_HAND = {"compared"}
INDEX = "index"
MARK = (
    "<!-- Written by scripts/check_docs.py from crates/riata_check/src/rules; do not edit. -->\n\n"
)
# By what stands between `RIA` and the last two digits of a code.
FAMILIES = {
    "0": "Suppressions",
    "1": "Blocking the loop",
    "2": "Lost coroutines",
    "3": "Lost tasks",
    "4": "Structure",
    "5": "Timeouts",
    "6": "Cancellation and errors",
    "7": "Shared state",
    "8": "Async generators and contexts",
    "9": "Tests",
    "10": "Async without need",
}
FIXES = {
    "none": "No fix.",
    "safe": "A fix is sometimes available.",
    "unsafe": "A fix is sometimes available, with `--unsafe-fixes`.",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("binary", type=Path)
    parser.add_argument("--check", action="store_true", help="compare the pages, write nothing")
    options = parser.parse_args()
    command = [str(options.binary.resolve()), "rule", "--all", "--output-format", "json"]
    rules = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    pages = {rule["name"]: page(rule) for rule in rules} | {INDEX: index(rules)}
    if options.check:
        problems = [*stale(pages), *unlike({rule["name"] for rule in rules})]
        for problem in problems:
            print(f"error: {problem}", file=sys.stderr)
        return 1 if problems else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for path in PAGES.glob("*.md"):
        if path.stem not in pages and path.stem not in BY_HAND:
            path.unlink()
    for name, text in pages.items():
        (PAGES / f"{name}.md").write_text(text, encoding="utf-8")
    return 0


def page(rule: dict) -> str:
    on = "On by default." if rule["default"] else "Off by default."
    text = rule["explanation"].strip()
    return (
        f"{MARK}# {rule['name']} ({rule['code']})\n\n{on} {FIXES[rule['fix']]}\n\n{text}\n\n"
        "[All rules](index.md)\n"
    )


def index(rules: list[dict]) -> str:
    on = sum(rule["default"] for rule in rules)
    fixes = sum(rule["fix"] != "none" for rule in rules)
    parts = [
        f"{MARK}# Rules\n\n"
        f"{len(rules)} rules, {on} of them on by default; {fixes} have a fix. `--select`, `--extend-select` and `--ignore`, and the "
        "keys of the same names,\ntake codes (`RIA101`), families (`RIA1`), names and `ALL`. "
        "[The guide](../../guides/checking.md) says how to use them, [a comparison](compared.md) what\n"
        "other tools find. A fix is `safe`, applied by `--fix`, or `unsafe`: it may change what the program does, and "
        "is applied with `--unsafe-fixes` only.\nWhat is no Python is always reported, as `RIA000`.\n"
    ]
    for family, title in FAMILIES.items():
        rows = [rule for rule in rules if rule["code"][3:-2].lstrip("0") == family.lstrip("0")]
        if not rows:
            continue
        label = f" (`RIA{family}`)" if family != "0" else ""
        parts.append(f"## {title}{label}\n\n| code | name | what it finds | default | fix |\n")
        parts[-1] += "|---|---|---|---|---|\n"
        for rule in rows:
            on = "on" if rule["default"] else "off"
            fix = "" if rule["fix"] == "none" else rule["fix"]
            summary = " ".join(rule["summary"].split()).replace("|", "\\|")
            parts[-1] += (
                f"| {rule['code']} | [{rule['name']}]({rule['name']}.md) | {summary} | {on} | {fix} |\n"
            )
    return "\n".join(parts)


def stale(pages: dict[str, str]) -> list[str]:
    problems = []
    for name, text in sorted(pages.items()):
        path = PAGES / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            problems.append(
                f"{path.relative_to(ROOT)} is out of date\nhint: `make check-docs` writes it anew"
            )
    return problems


def unlike(rules: set[str]) -> list[str]:
    """Return where pages, source files and test files name another set of rules."""
    sets = {
        PAGES: {path.stem for path in PAGES.glob("*.md")} - {INDEX} - BY_HAND,
        SOURCES: {path.stem.replace("_", "-") for path in SOURCES.glob("*.rs")} - {"mod"},
        TESTS: {
            path.stem.replace("_", "-")
            for path in TESTS.iterdir()
            if path.is_dir() or path.suffix == ".py"
        },
    }
    problems = []
    for folder, names in sets.items():
        problems += [
            f"{folder.relative_to(ROOT)} has nothing for {name}" for name in sorted(rules - names)
        ]
        problems += [
            f"{folder.relative_to(ROOT)}: no rule {name}" for name in sorted(names - rules)
        ]
    return problems


if __name__ == "__main__":
    sys.exit(main())

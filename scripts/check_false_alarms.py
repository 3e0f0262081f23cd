#!/usr/bin/env python3
"""Measure the false alarms of `riata-check`: its default rules over well-kept packages, against what was judged of each report.

    scripts/check_false_alarms.py target/checker/riata-check            # the eight packages of well-kept.toml
    scripts/check_false_alarms.py target/checker/riata-check --sample   # a hundred reports of the packages of sample.toml

Releases are downloaded from PyPI once, to `target/bugs`. Each report is looked up in the judged list by its file, line and
rule (crates/riata_check/resources/judged). The first form exits with 1 when a report is new, judged wrong, or when there are
more than 0.3 reports to 1,000 lines. With `--sample`, the reports are drawn with the seed of the file: from each rule its share, at
least one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import tomllib
from check_bugs import ROOT, download, environment, run

JUDGED = ROOT / "crates/riata_check/resources/judged"
LIMIT = 0.3
SAMPLE = 100


def reports(binary: Path, folder: Path) -> list[dict]:
    packages = [
        path.name
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.suffix not in (".dist-info", ".data")
    ]
    packages += [path.name for path in sorted(folder.glob("*.py"))]
    done = run(binary, folder, ["--python", str(environment([])), *packages])
    if not done.stdout.strip():
        raise SystemExit(f"{folder}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.rglob("*.py"))


def check(binary: Path, requirements: list[str]) -> tuple[list[dict], int]:
    """All reports, with the package each is in, and how many lines were read."""
    found: list[dict] = []
    count = 0
    for requirement in requirements:
        folder = download(requirement)
        if folder is None:
            raise SystemExit(f"{requirement} is not to be had")
        source = (folder / "src").resolve()
        count += lines(source)
        for report in reports(binary, source):
            package, version = requirement.split("==")
            file = str(Path(report["filename"]).resolve().relative_to(source))
            found.append(
                {
                    "package": package,
                    "version": version,
                    "file": file,
                    "line": report["location"]["row"],
                    "rule": report["code"],
                    "message": report["message"],
                }
            )
    return found, count


def key(report: dict) -> tuple:
    return report["package"], report["version"], report["file"], report["line"], report["rule"]


def draw(found: list[dict], seed: int) -> list[dict]:
    """From each rule its share, at least one; largest remainders first. A report that is gone or new changes little of it."""
    by_rule: dict[str, list[dict]] = defaultdict(list)
    for report in sorted(found, key=key):
        by_rule[report["rule"]].append(report)
    total = len(found)
    size = min(SAMPLE, total)
    shares = {rule: max(1, int(len(group) * size / total)) for rule, group in by_rule.items()}
    order = sorted(by_rule, key=lambda rule: (-(len(by_rule[rule]) * size / total % 1), rule))
    while sum(shares.values()) != size:
        step = 1 if sum(shares.values()) < size else -1
        for rule in order if step > 0 else sorted(shares, key=lambda rule: (-shares[rule], rule)):
            if sum(shares.values()) == size:
                break
            if 1 <= shares[rule] + step <= len(by_rule[rule]):
                shares[rule] += step
    return [
        report
        for rule in sorted(by_rule)
        for report in sorted(by_rule[rule], key=lambda report: lot(report, seed))[: shares[rule]]
    ]


def lot(report: dict, seed: int) -> bytes:
    return hashlib.sha256(repr((seed, key(report))).encode()).digest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--sample", action="store_true")
    arguments = parser.parse_args()
    file = JUDGED / ("sample.toml" if arguments.sample else "well-kept.toml")
    judged = tomllib.loads(file.read_text())
    verdicts = {key(report): report for report in judged.get("report", [])}
    found, count = check(arguments.binary, judged["packages"])
    if arguments.sample:
        found = draw(found, judged["seed"])
    totals: Counter[str] = Counter()
    new = []
    for report in sorted(found, key=key):
        verdict = verdicts.get(key(report))
        if verdict is None:
            new.append(report)
        else:
            totals[verdict["verdict"]] += 1
    for report in new:
        print(
            f"new: {report['package']}=={report['version']} {report['file']}:{report['line']} {report['rule']} {report['message']}"
        )
    gone = verdicts.keys() - {key(report) for report in found}
    if gone:
        print(f"{len(gone)} judged reports are gone")
    print(
        ", ".join(f"{totals[verdict]} {verdict}" for verdict in ("right", "arguable", "wrong"))
        + f", {len(new)} new"
    )
    if not arguments.sample:
        rate = 1000 * len(found) / count
        print(f"{len(found)} reports in {count} lines: {rate:.2f} to 1,000 lines")
        sys.exit(1 if new or totals["wrong"] or rate > LIMIT else 0)


if __name__ == "__main__":
    main()

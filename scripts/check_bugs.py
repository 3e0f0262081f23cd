#!/usr/bin/env python3
"""Measure `riata-check` on the collection of real bugs in crates/riata_check/resources/bugs (its README has the format).

    scripts/check_bugs.py target/checker/riata-check [--family race] [--id SUBSTRING] [--fixed] [--minimal] [-v]

Releases are downloaded from PyPI once, to `target/bugs`. For each bug: found when any of its rules reports one of its lines
(or names it among the places that reach the same cause). With `--fixed`, the release after the fix is checked too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import tomllib

ROOT = Path(__file__).resolve().parent.parent
BUGS = ROOT / "crates/riata_check/resources/bugs"
STORE = ROOT / "target/bugs"
# Wheels with compiled parts are chosen for the newest of these that has one.
PYTHONS = ("3.13", "3.11", "3.9", "3.8", "3.7", "3.14")
# Two bugs measured at once can want the same release or environment: only one makes it.
MAKING = Lock()


def download(requirement: str) -> Path | None:
    """The folder that a release is unpacked in; `None` when PyPI does not have it."""
    with MAKING:
        return unpack(requirement)


def unpack(requirement: str) -> Path | None:
    folder = STORE / requirement.replace("==", "-")
    if (folder / ".done").exists():
        return folder
    wheels = folder / "dist"
    wheels.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
    ways = [
        [*pip, "--only-binary", ":all:", "--python-version", version, requirement]
        for version in PYTHONS
    ]
    ways.append([*pip, "--no-binary", ":all:", "--no-build-isolation", requirement])
    for way in ways:
        if subprocess.run(way, capture_output=True).returncode == 0 or any(wheels.iterdir()):
            break
    archives = list(wheels.iterdir())
    if not archives:
        return None
    for archive in archives:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(folder / "src")
        else:
            with tarfile.open(archive) as opened:
                opened.extractall(folder / "sdist", filter="data")
            top = next((folder / "sdist").iterdir())
            top.rename(folder / "src")
        archive.unlink()
    (folder / ".done").touch()
    return folder


def environment(extra: list[Path]) -> Path:
    """A virtual environment, as far as one can be seen without running it, in which the extra packages are installed."""
    made = (
        STORE / "environments" / ("-".join(sorted(path.parent.name for path in extra)) or "empty")
    )
    packages = made / "lib/python3.13/site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (made / "bin").mkdir(exist_ok=True)
    configuration = made / "pyvenv.cfg"
    # Another process may be reading the file: it is not written again.
    if not configuration.exists():
        configuration.write_text("home = /usr/bin\nversion = 3.13.0\n")
    with MAKING:
        for source in extra:
            for entry in source.iterdir():
                link = packages / entry.name
                if not link.exists():
                    # A link that leads nowhere is there still when the tree was moved.
                    link.unlink(missing_ok=True)
                    link.symlink_to(entry)
    return made


def run(binary: Path, folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the checker in a folder as nobody has configured it, with reports in JSON."""
    command = [str(binary), "--isolated", "--output-format", "json", "--exit-zero"]
    return subprocess.run(
        [*command, "--no-respect-gitignore", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )


def check(
    binary: Path, root: Path, target: Path, rules: list[str], extra: list[Path]
) -> list[dict]:
    arguments = ["--select", ",".join(rules), "--python", str(environment(extra)), str(target)]
    done = run(binary, root, arguments)
    if not done.stdout.strip():
        print(done.stderr[-2000:], file=sys.stderr)
        return []
    return json.loads(done.stdout)


def places(found: list[dict]) -> set[tuple[str, int]]:
    """Where reports are, with the other places that reach the same cause."""
    all_places = set()
    for report in found:
        spans = [
            report,
            *(
                other
                for other in report.get("related", [])
                if other["message"].startswith("also reached")
            ),
        ]
        for span in spans:
            # A report counts for each line that it spans, as an editor shows it.
            for line in range(span["location"]["row"], span["end_location"]["row"] + 1):
                all_places.add((span["filename"], line))
    return all_places


def minimal_forms(bug: dict) -> tuple[Path, Path]:
    before = BUGS / bug["minimal"].rstrip("/")
    if before.suffix == ".py":
        return before, before.with_suffix(".fixed.py")
    return before, before.with_name(before.name + ".fixed")


def marked(path: Path) -> set[tuple[str, int]]:
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return {
        (str(file), number)
        for file in files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.rstrip().endswith("# bug")
    }


def measure(binary: Path, bug: dict, with_fixed: bool) -> tuple[str, str]:
    """(verdict, detail): found, missed, noisy (found, but the fixed form is reported too) or unavailable."""
    rules = bug.get("rules") or [bug["rule"]]
    if "minimal" in bug:
        before, after = minimal_forms(bug)
        root = before.parent if before.is_file() else before
        extra = [path / "src" for path in map(download, bug.get("extra", [])) if path]
        found = places(check(binary, root, before, rules, extra))
        if not found & marked(before):
            return "missed", f"{before}: {sorted(marked(before))}"
        if with_fixed:
            root = after.parent if after.is_file() else after
            left = places(check(binary, root, after, rules, extra))
            if left:
                return "noisy", f"{sorted(left)}"
        return "found", ""
    folder = download(f"{bug['package']}=={bug['before']}")
    if folder is None:
        return "unavailable", f"{bug['package']}=={bug['before']}"
    extra = [path / "src" for path in map(download, bug.get("extra", [])) if path]
    root = folder / "src"
    file = root / bug["file"]
    # Of a large package the file alone is checked; the rest is there to be followed into.
    package = root / bug["file"].split("/")[0]
    small = package.is_dir() and sum(1 for _ in package.rglob("*.py")) < 1000
    found = places(check(binary, root, package if small else file, rules, extra))
    wanted = {(str(file), line) for line in bug["lines"]}
    if found & wanted:
        return "found", ""
    near = sorted(line for name, line in found if name == str(file))
    return "missed", f"{file}:{bug['lines']} (reported: {near[:8]})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=lambda path: Path(path).resolve())
    parser.add_argument("--family", action="append")
    parser.add_argument("--id", default="")
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument(
        "--minimal", action="store_true", help="only the minimal forms: nothing is downloaded"
    )
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    everything = 0, 0
    for file in sorted(BUGS.glob("*.toml")):
        if arguments.family and file.stem not in arguments.family:
            continue
        bugs = [bug for bug in tomllib.loads(file.read_text())["bug"] if arguments.id in bug["id"]]
        if arguments.minimal:
            bugs = [bug for bug in bugs if "minimal" in bug]
        with ThreadPoolExecutor(2) as pool:
            results = list(
                pool.map(lambda bug: measure(arguments.binary, bug, arguments.fixed), bugs)
            )
        found = sum(verdict in ("found", "noisy") for verdict, _ in results)
        there = sum(verdict != "unavailable" for verdict, _ in results)
        everything = everything[0] + found, everything[1] + there
        if there:
            print(f"{file.stem:24} {found:3} of {there:3}  {100 * found / there:3.0f} %")
        for bug, (verdict, detail) in zip(bugs, results, strict=True):
            if verdict != "found" and (arguments.verbose or verdict == "unavailable"):
                print(f"    {verdict:12} {bug['id']}: {detail}")
    if everything[1]:
        print(
            f"{'all':24} {everything[0]:3} of {everything[1]:3}  {100 * everything[0] / everything[1]:3.0f} %"
        )


if __name__ == "__main__":
    main()

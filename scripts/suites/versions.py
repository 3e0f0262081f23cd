"""Run a project of every mode, loop scope and kind of fixture with each pytest-asyncio, without riata and with it, and compare.

    python scripts/suites/versions.py [VERSION ...]     (`make pytest-asyncio`; no name means all below)

The tests are in versions/. Each version gets a virtual environment under target/suites, from PyPI. Node ids and outcomes are
to be the same, and with riata's plugin no test may run a loop of asyncio's. The exit status is 1 otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "suites" / "python{}.{}".format(*sys.version_info) / "versions"
# pytest-asyncio, and the pytest beside it; the newest that it allows where none is named.
VERSIONS = (
    ("0.23.8", "8.0.2"),
    ("0.23.8", ""),
    ("0.24.0", ""),
    ("0.25.3", ""),
    ("0.26.0", "8.2.2"),
    ("0.26.0", ""),
    ("1.0.0", ""),
    ("1.1.0", ""),
    ("1.2.0", ""),
    ("1.3.0", "8.3.5"),
    ("1.3.0", ""),
    ("1.4.0", "8.4.2"),
    ("1.4.0", ""),
    ("1.5.0", ""),
)
Outcomes = dict[str, tuple[str, tuple[str, ...]]]  # by node id: the outcome, and whose loops ran


def main() -> int:
    wanted = set(sys.argv[1:])
    if unknown := wanted - {version for version, _ in VERSIONS}:
        print(f"unknown versions: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    status = 0
    for version, pytest in VERSIONS:
        if wanted and version not in wanted:
            continue
        python = environment(version, pytest)
        for mode in ("auto", "strict"):
            plain, riata = (run(python, mode, on_riata) for on_riata in (False, True))
            faults = list(compare(plain, riata))
            ran = sum("riata" in loops for _, loops in riata.values())
            print(
                f"pytest-asyncio {version}, pytest {pytest or 'newest'}, {mode}: "
                f"{len(plain)} tests, {ran} on riata{', DIFFERENT:' if faults else ''}",
                flush=True,
            )
            for fault in faults:
                print(f"  {fault}")
            status |= bool(faults)
    return status


def compare(plain: Outcomes, riata: Outcomes) -> Iterator[str]:
    if len(plain) < 20:
        yield f"only {len(plain)} tests ran without riata"
    if list(plain) != list(riata):
        yield f"other tests: {sorted(plain.keys() ^ riata.keys())}, or another order"
    for test in plain.keys() & riata.keys():
        before, loops_before = plain[test]
        after, loops = riata[test]
        if before != after:
            yield f"{test}: {before}, with riata {after}"
        if "riata" in loops_before or "asyncio" in loops:
            yield f"{test}: ran a loop of {loops_before}, with riata of {loops}"
        if bool(loops_before) != bool(loops):
            yield f"{test}: ran {len(loops_before)} loops, with riata {len(loops)}"


def environment(version: str, pytest: str) -> Path:
    folder = WORK / f"{version}-{pytest or 'newest'}"
    python, stamp = folder / "bin" / "python", folder / ".ready"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        wanted = [f"pytest-asyncio=={version}", f"pytest=={pytest}" if pytest else "pytest>=8"]
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted, "exceptiongroup>=1.1"], check=True)
        (packages,) = (folder / "lib").glob("python*/site-packages")
        (packages / "riata-suites.pth").write_text(f"{ROOT / 'python'}\n")
        stamp.touch()
    return python


def run(python: Path, mode: str, on_riata: bool) -> Outcomes:
    log = python.parent.parent / "outcomes.jsonl"
    log.unlink(missing_ok=True)
    plugins = [
        "-p",
        "riata_suites",
        *(["-p", "riata.pytest_plugin", "--riata"] if on_riata else []),
    ]
    variables = {
        **os.environ,
        "PYTHONPATH": str(HERE / "plugin"),
        "RIATA_SUITES_LOG": str(log),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name in ("RIATA_LOOP", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        variables.pop(name, None)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins]
    folder = HERE / "versions"
    ended = subprocess.run(
        [*command, f"--asyncio-mode={mode}", "-c", os.devnull, f"--rootdir={folder}", folder],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not log.exists():
        raise SystemExit(f"no test ran:\n{ended.stdout}")
    outcomes: Outcomes = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        outcomes[entry["test"]] = entry["outcome"], tuple(entry.get("loops", ()))
    return outcomes


if __name__ == "__main__":
    sys.exit(main())

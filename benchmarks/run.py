"""Compare event loops: CPU per operation, interleaved, each case in a process of its own.

python benchmarks/run.py                          every case, 15 rounds
python benchmarks/run.py --cases micro --loops uvloop,riata --rounds 3
python benchmarks/run.py --cases 'timers_*' --callgrind
python benchmarks/run.py --bars --keep            what `make bench` does
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from cases import all_cases, find_cases
from cases.registry import Case
from harness import bars, tables
from harness.campaign import run_campaign, taking_part
from harness.contestants import Contestant, parse_contestants
from harness.machine import describe_machine, describe_python, machine_slug
from harness.measure import measure
from harness.results import default_subject, summarise

HERE = Path(__file__).resolve().parent
MISSED = 3  # exit status when a bar was missed; 2 is a wrong command line


def main() -> int:
    options = parse_arguments()
    if options.list:
        list_cases()
        return 0
    try:
        contestants = parse_contestants(options.loops, options.python)
        pythons = {c.python: describe_python(c.python) for c in contestants if not c.is_floor}
        cases = choose_cases(options, contestants, pythons)
        contestants = taking_part(cases, contestants)
        versions = {contestant.name: contestant.version() for contestant in contestants}
    except LookupError as error:
        print(f"run.py: {error.args[0]}", file=sys.stderr)
        return 2
    run = describe_run(options, cases, contestants, versions, pythons)
    run["samples"] = run_campaign(
        cases, contestants, options.rounds, functools.partial(measure, options=options), progress
    )
    progress("", False)
    keep(run, options)
    return show(run, options)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--loops",
        default="asyncio,uvloop,rloop,riata,c,anyio,trio,aiotools",
        help="who has none of the cases takes no part",
    )
    parser.add_argument(
        "--cases", default="all", help="groups, names, patterns; `bars`: with a bar"
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the loops")
    parser.add_argument("--target-ms", type=float, default=60.0, help="CPU time of an attempt")
    parser.add_argument("--attempts", type=int, default=3, help="best of how many per process")
    parser.add_argument("--warmup-ms", type=int, default=200, help="of a server")
    parser.add_argument("--window-ms", type=int, default=500, help="measured window of a server")
    parser.add_argument("--callgrind", action="store_true", help="count instructions instead")
    parser.add_argument("--subject", help="loop to compare with the others (riata)")
    parser.add_argument("--bars", action="store_true", help="compare with bars.toml")
    parser.add_argument("--bars-file", type=Path, default=HERE / "bars.toml")
    parser.add_argument("--bars-scale", type=float, default=1.0, help="share of the bars to reach")
    parser.add_argument("--out", type=Path, help="write the raw numbers to this file")
    parser.add_argument("--keep", action="store_true", help="write them under benchmarks/runs")
    parser.add_argument("--list", action="store_true", help="name the cases and stop")
    options = parser.parse_args()
    if options.callgrind and options.rounds == parser.get_default("rounds"):
        options.rounds = 1
    return options


def list_cases() -> None:
    for case in all_cases():
        print(f"{case.group:8} {case.name:34} {case.title}")


def choose_cases(
    options: argparse.Namespace, contestants: list[Contestant], pythons: dict[str, Any]
) -> list[Case]:
    """The cases asked for that every interpreter can run."""
    words = options.cases
    if "bars" in words.split(","):
        words += "," + ",".join(bars.load(options.bars_file).case_names())
        words = ",".join(word for word in words.split(",") if word != "bars")
    oldest = min(tuple(map(int, about["version"].split(".")[:2])) for about in pythons.values())
    cases = [case for case in find_cases(words) if case.since <= oldest]
    if options.callgrind:
        cases = [case for case in cases if case.group in ("micro", "native")]
    return cases


def progress(line: str, important: bool) -> None:
    """One line that is overwritten on a terminal; elsewhere only what matters."""
    terminal = sys.stderr.isatty()
    if important:
        print(f"\r\033[K{line}" if terminal else line, file=sys.stderr, flush=True)
    elif terminal:
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def describe_run(
    options: argparse.Namespace,
    cases: list[Case],
    contestants: list[Contestant],
    versions: dict[str, str],
    pythons: dict[str, Any],
) -> dict[str, Any]:
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]]),
        "quantity": "instructions" if options.callgrind else "cpu",
        "rounds": options.rounds,
        "bars_scale": options.bars_scale,
        "machine": describe_machine(),
        "loops": {
            contestant.name: {
                "spec": contestant.spec,
                "version": versions[contestant.name],
                "python": pythons.get(contestant.python) if contestant.spec else None,
            }
            for contestant in contestants
        },
        "cases": {
            case.name: {
                "title": case.title,
                "group": case.group,
                "unit": case.unit,
                "floor_case": case.settings.get("floor_case"),
            }
            for case in cases
        },
    }


def keep(run: dict[str, Any], options: argparse.Namespace) -> None:
    paths = [options.out] if options.out else []
    if options.keep:
        pythons = {about["python"]["version"] for about in run["loops"].values() if about["python"]}
        stamp = run["date"].replace(":", "")[11:15]
        name = f"{run['quantity']}-python{'-'.join(sorted(pythons))}-{stamp}.json"
        paths.append(HERE / "runs" / f"{run['date'][:10]}-{machine_slug()}" / name)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run, indent=1) + "\n")
        print(f"raw numbers: {path}", file=sys.stderr)


def show(run: dict[str, Any], options: argparse.Namespace) -> int:
    subject = options.subject or default_subject(run)
    rows = summarise(run, subject)
    quantity = {"cpu": "CPU ns (memory: bytes)", "instructions": "Instructions"}[run["quantity"]]
    tables.print_rows(rows, list(run["loops"]), subject, f"{quantity} per operation")
    if any(row.errors for row in rows):
        print("some cases failed; the reasons are above and in the file")
    if not options.bars:
        return 0
    verdicts = bars.judge(bars.load(options.bars_file), rows, subject, scale=options.bars_scale)
    bars.print_verdicts(verdicts)
    return MISSED if any(verdict.missed for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())

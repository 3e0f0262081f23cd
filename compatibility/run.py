"""Run every probe on every loop, and write the table: what `make compatibility` does.

python compatibility/run.py                                every probe, the table to stdout
python compatibility/run.py --loops riata --only tls       part of them; a name, a topic, or the start of one
python compatibility/run.py --loops mine=package:factory   another loop
python compatibility/run.py --out docs/compatibility.md

asyncio always takes part: it must pass every probe, since a probe that it fails is wrong. Exit status 1 says so, or that
riata failed one.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from page import write_page
from registry import Probe, all_probes

HERE = Path(__file__).resolve().parent
SPECS = {
    "asyncio": "asyncio:new_event_loop",
    "uvloop": "uvloop:new_event_loop",
    "rloop": "rloop:new_event_loop",
    "riata": "riata:new_event_loop",
}


def main() -> int:
    options = parse_arguments()
    loops = {"asyncio": SPECS["asyncio"], **parse_loops(options.loops)}
    probes = [p for p in all_probes() if chosen(p, options.only)]
    if not probes:
        print(
            f"error: no probe is named like {options.only}\nhint: names are `topic.probe`",
            file=sys.stderr,
        )
        return 2
    names = [probe.name for probe in probes]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for loop, result in zip(
            loops,
            pool.map(lambda spec: run_loop(spec, names, options.limit), loops.values()),
            strict=False,
        ):
            results[loop] = result
    if options.json:
        print(json.dumps(results))
    else:
        text = write_page(probes, loops, results)
        if options.out:
            options.out.write_text(text)
        else:
            print(text)
    return report(results)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--loops", default="uvloop,rloop,riata", help="names, or NAME=MODULE:FACTORY"
    )
    parser.add_argument("--only", nargs="*", default=[], help="probes whose name starts so")
    parser.add_argument(
        "--limit", type=float, default=10, help="seconds that a probe may take (%(default)s)"
    )
    parser.add_argument(
        "--jobs", type=int, default=2, help="loops that run at the same time (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the results instead of the page")
    parser.add_argument("--out", type=Path, help="where the page goes")
    return parser.parse_args()


def parse_loops(text: str) -> dict[str, str]:
    loops = {}
    for part in filter(None, text.split(",")):
        name, _, spec = part.partition("=")
        if not spec and name not in SPECS:
            sys.exit(
                f"error: unknown loop `{name}`\nhint: one of {', '.join(SPECS)}, or NAME=MODULE:FACTORY"
            )
        loops[name] = spec or SPECS[name]
    return loops


def chosen(probe: Probe, only: list[str]) -> bool:
    return not only or any(probe.name.startswith(part) for part in only)


def run_loop(spec: str, names: list[str], limit: float) -> dict[str, dict[str, Any]]:
    """The results of the probes on one loop, by name."""
    done = subprocess.run(
        [sys.executable, str(HERE / "child.py"), spec, str(limit), *names],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.pop("probe"): line for line in lines}


def report(results: dict[str, dict[str, dict[str, Any]]]) -> int:
    """Say on stderr what asyncio or riata failed; the exit status."""
    status = 0
    for loop, meaning in (("asyncio", "the probe is wrong"), ("riata", "riata is")):
        for name, result in results.get(loop, {}).items():
            if result["outcome"] != "yes":
                said = f"{result['outcome']}: {result['error']}: {result['message']}"
                print(f"error: {name} on {loop}: {said} ({meaning})", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

"""Turns runs into the text of docs/performance.md: losses first, then missed bars, then the tables."""

from __future__ import annotations

from typing import Any

from harness.bars import Bars, judge
from harness.contestants import FLOORS
from harness.results import Row, default_subject, summarise
from harness.tables import number

GROUPS = {
    "micro": "The loop by itself",
    "native": "The primitives",
    "echo": "Echo servers",
    "http": "HTTP servers",
    "memory": "Memory",
}

INTRODUCTION = """\
# Performance

Written by `benchmarks/report.py` from the raw numbers in `benchmarks/runs`; what loses comes first.
"""

METHOD = """\
## How it is measured

Every number is CPU time of the measured process, user and system together, never the wall clock;
callgrind's instructions where a table says so. In each round every loop runs every case once, in a
process of its own, in an order that rotates. A ratio compares two loops within one round; shown are
the median of the rounds and the interval that holds the true median with 95 % probability (order
statistics, no assumption about the noise). A micro case repeats until an attempt takes about 60 ms
and counts its best attempt of three. A server runs on a processor of its own, driven in a closed loop
by `benchmarks/loadgen` on another, which checks every byte of every answer and reads the server's CPU
clock at both ends of a window that follows a warm-up. The programs use asyncio's public API only, the
same lines on every loop. `c` is a plain epoll server in C: what an echo costs when nothing is added.

The primitives are asyncio's on the other loops and riata's own on riata. anyio and aiotools (both on
asyncio's loop) and trio (on its own) do the same operations in their own words, as far as they have
them; `benchmarks/cases/peers.py` says where that is not quite the same. The most of it: in anyio and
trio a lock, a queue or a semaphore lets other tasks run even when there is nothing to wait for.
"""


def document(
    runs: dict[str, dict[str, Any]],
    bars: Bars,
    reasons: dict[str, str],
    subject: str | None = None,
) -> str:
    """`runs` by the path that a reader finds them under."""
    parts = [INTRODUCTION]
    for path, run in runs.items():
        about = subject or default_subject(run)
        rows = summarise(run, about)
        parts.append(heading(path, run))
        parts.append(losses(rows, about, reasons))
        if run["quantity"] == "cpu":
            parts.append(missed_bars(rows, about, bars, reasons, run.get("bars_scale", 1.0)))
        for group, title in GROUPS.items():
            of_group = [row for row in rows if row.group == group]
            if of_group:
                parts.append(f"### {title}\n\n" + table(of_group, list(run["loops"]), about, run))
    parts.append(METHOD)
    return "\n".join(parts)


def describe_build(python: dict[str, Any]) -> str:
    """A distribution profiles its Python in ways of its own, which the configuration does not show."""
    if python["from_distribution"]:
        return " (as its distribution built it)"
    return "" if python["profile_guided"] else " (configured without --enable-optimizations)"


def heading(path: str, run: dict[str, Any]) -> str:
    machine = run["machine"]
    pythons = {
        f"CPython {about['python']['version']}{describe_build(about['python'])}"
        for about in run["loops"].values()
        if about["python"]
    }
    versions = ", ".join(
        f"{loop} {about['version']}" for loop, about in run["loops"].items() if loop not in FLOORS
    )
    quantity = "" if run["quantity"] == "cpu" else ", instructions"
    return (
        f"## {', '.join(sorted(pythons))}{quantity}\n\n"
        f"{machine['cpu']}, {machine['cpus']} processors, {machine['system']} {machine['kernel']}; "
        f"{versions}; {run['rounds']} rounds on {run['date'][:10]}.\n\n"
        f"Raw numbers: `{path}`. To repeat: `{run['command']}`\n"
    )


def losses(rows: list[Row], subject: str, reasons: dict[str, str]) -> str:
    """Each case and peer where the median says that the peer is cheaper, worst first."""
    found = [
        (ratio.median, row, peer)
        for row in rows
        for peer, ratio in row.ratios.items()
        if peer not in FLOORS and ratio.median < 1
    ]
    failed = [row for row in rows if subject in row.errors]
    lines = [f"### Where {subject} loses\n"]
    for row in failed:
        lines.append(f"- {row.title}: it failed: {row.errors[subject].splitlines()[0]}")
    for median, row, peer in sorted(found, key=lambda loss: loss[0]):
        ratio = row.ratios[peer]
        doubt = ", which may be chance" if ratio.high >= 1 else ""
        lines.append(
            f"- {row.title}: {peer} needs {median:.0%} of what {subject} does "
            f"[{ratio.low:.0%}, {ratio.high:.0%}]{doubt}{because(row.case, reasons)}"
        )
    if len(lines) == 1:
        lines.append("Nowhere in this run.")
    return "\n".join(lines) + "\n"


def missed_bars(
    rows: list[Row], subject: str, bars: Bars, reasons: dict[str, str], scale: float
) -> str:
    verdicts = judge(bars, rows, subject, scale)
    if not verdicts:
        return ""
    missed = [verdict for verdict in verdicts if verdict.missed]
    share = "" if scale == 1 else f" (at {scale:.0%} of each ratio)"
    lines = [f"### Bars\n\n{len(verdicts) - len(missed)} of {len(verdicts)} are met{share}.\n"]
    for verdict in missed:
        bar = verdict.bar
        goal = f"at most {bar.limit:g}" if bar.peer is None else f"{bar.limit:g}x {bar.peer}"
        lines.append(
            f"- {verdict.title}: {goal} wanted, {verdict.measured} measured, "
            f"{verdict.outcome}{because(bar.case, reasons)}"
        )
    return "\n".join(lines) + "\n"


def because(case: str, reasons: dict[str, str]) -> str:
    return f". {reasons[case]}" if case in reasons else ""


def table(rows: list[Row], loops: list[str], subject: str, run: dict[str, Any]) -> str:
    """Worst ratio first. How many times cheaper than each peer, in brackets the 95 % interval."""
    present = [
        loop for loop in loops if any(loop in row.medians or loop in row.errors for row in rows)
    ]
    peers = [loop for loop in present if loop != subject]
    unit = "bytes" if rows[0].group == "memory" else "ns"
    unit = unit if run["quantity"] == "cpu" else "instructions"
    header = [
        "case",
        *(f"{loop}, {unit}" for loop in present),
        *(f"against {peer}" for peer in peers),
    ]
    lines = [markdown(header), markdown(["---"] + ["---:"] * (len(header) - 1))]
    for row in sorted(rows, key=worst_ratio):
        cells = [row.title]
        cells += [value(row, loop) for loop in present]
        cells += [against(row, peer) for peer in peers]
        lines.append(markdown(cells))
    return "\n".join(lines) + "\n"


def worst_ratio(row: Row) -> float:
    ratios = [ratio.median for peer, ratio in row.ratios.items() if peer not in FLOORS]
    return min(ratios, default=0.0)


def value(row: Row, loop: str) -> str:
    if loop in row.medians:
        return f"{number(row.medians[loop])} ±{row.spreads[loop] / 2:.0%}"
    return "failed" if loop in row.errors else "-"


def against(row: Row, peer: str) -> str:
    ratio = row.ratios.get(peer)
    if ratio is None:
        return "-"
    mark = "" if ratio.trusted else " (too few rounds)"
    return f"{ratio.median:.2f}x [{ratio.low:.2f}, {ratio.high:.2f}]{mark}"


def markdown(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

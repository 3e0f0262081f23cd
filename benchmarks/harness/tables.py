"""The table that `run.py` prints."""

from __future__ import annotations

from harness.results import Row
from harness.stats import Ratio


def print_rows(rows: list[Row], loops: list[str], subject: str, quantity: str) -> None:
    """Medians per loop, then how many times cheaper `subject` is than each peer."""
    peers = [loop for loop in loops if loop != subject]
    header = ["case", *loops, *(f"{subject} vs {peer}" for peer in peers)]
    lines = [header]
    for row in rows:
        cells = [f"{row.title} [{row.unit}]"]
        for loop in loops:
            cells.append(value_cell(row, loop))
        for peer in peers:
            cells.append(ratio_cell(row.ratios.get(peer)))
        lines.append(cells)
    print(
        f"{quantity}, median (spread of the middle half); ratios paired per round [95 % interval]"
    )
    print_columns(lines)
    if rows and any(not ratio.trusted for row in rows for ratio in row.ratios.values()):
        print("~ too few rounds for a 95 % interval: smallest and largest ratio are shown")


def value_cell(row: Row, loop: str) -> str:
    if loop in row.errors:
        return "failed"
    if loop not in row.medians:
        return "-"
    return f"{number(row.medians[loop])} ({row.spreads[loop]:.0%})"


def ratio_cell(ratio: Ratio | None) -> str:
    if ratio is None:
        return "-"
    mark = "" if ratio.trusted else "~"
    return f"{ratio.median:.2f}x {mark}[{ratio.low:.2f}-{ratio.high:.2f}]"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def print_columns(lines: list[list[str]]) -> None:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        first, *rest = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join(cells))

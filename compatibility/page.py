"""The page: a table for each topic, and what the loops said."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from typing import Any

from registry import Probe, topic_title

Results = dict[str, dict[str, dict[str, Any]]]
CELL = 44  # characters of a reason that fit a cell


def write_page(probes: list[Probe], loops: dict[str, str], results: Results) -> str:
    lines = [
        "# Compatibility",
        "",
        "Written by `compatibility/run.py`, which ran each row as a small program in a process of its own; nothing here is from",
        "memory. A row is something that asyncio does. `make compatibility` repeats it.",
        "",
        f"CPython {platform.python_version()} on {platform.system()}, {datetime.date.today().isoformat()}: "
        + ", ".join(f"{name} {version(spec)}" for name, spec in loops.items())
        + ".",
        "",
        f"| of {len(probes)} rows | {' | '.join(loops)} |",
        f"|---|{'---:|' * len(loops)}",
        f"| as asyncio | {' | '.join(str(count(results[name])) for name in loops)} |",
        "",
    ]
    topic = None
    for probe in probes:
        if probe.topic != topic:
            topic = probe.topic
            lines += [
                "",
                f"## {topic_title(topic)}",
                "",
                f"| | {' | '.join(loops)} |",
                f"|---|{'---|' * len(loops)}",
            ]
        cells = [cell(results[name][probe.name]) for name in loops]
        lines.append(f"| {title(probe)} | {' | '.join(cells)} |")
    lines += ["", *what_they_said(probes, loops, results)]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def version(spec: str) -> str:
    package = spec.partition(":")[0].partition(".")[0]
    if package == "asyncio":
        return platform.python_version()
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed as a package)"


def count(results: dict[str, dict[str, Any]]) -> int:
    return sum(result["outcome"] == "yes" for result in results.values())


def title(probe: Probe) -> str:
    text = probe.title.replace("|", "\\|")
    if probe.issue:
        project, _, number = probe.issue.partition("#")
        owner = {"uvloop": "MagicStack", "rloop": "gi0baro"}[project]
        text += f" ([{probe.issue}](https://github.com/{owner}/{project}/issues/{number}))"
    return text


def cell(result: dict[str, Any]) -> str:
    """yes, or why not in few words."""
    if result["outcome"] == "yes":
        return "yes"
    if result["outcome"] == "hangs":
        return "**hangs**"
    if result["outcome"] == "crashes":
        return f"**crashes**: {result['error']}"
    message = result["message"] or ""
    if (
        result["error"] == "AssertionError"
        and len(message) <= CELL
        and not message.startswith("not so")
    ):
        return f"no: {escaped(message)}"
    return "no" if result["error"] == "AssertionError" else f"no: {result['error']}"


def escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def what_they_said(probes: list[Probe], loops: dict[str, str], results: Results) -> list[str]:
    lines = []
    for name in loops:
        failed = [
            (p, results[name][p.name]) for p in probes if results[name][p.name]["outcome"] != "yes"
        ]
        if failed:
            lines += [f"## What {name} said", ""]
            lines += [
                f"- {p.name}: {r['error'] or r['outcome']}{quoted(r['message'])}" for p, r in failed
            ]
            lines.append("")
    return lines


def quoted(message: str | None) -> str:
    return ": `" + message.replace("`", "'") + "`" if message else ""

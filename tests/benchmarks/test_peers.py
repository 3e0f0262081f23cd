"""The libraries beside the loops: what they have runs, what they lack is missing, other groups do not see them."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cases import Case, all_cases, find_cases, native
from cases.peers import PEERS, cases_of, spelled_by
from cases.registry import Bench
from harness.campaign import schedule, taking_part
from harness.contestants import Contestant, parse_contestants
from harness.document import document
from worker import attempt

NATIVE = {case.name for case in all_cases() if case.group == "native"}
ASYNCIOS_OWN = {"native_wait_1000", "native_shield"}  # futures, and what outlives who started it
LACKING = {
    "anyio": ASYNCIOS_OWN,
    "trio": {"native_gather_1000", *ASYNCIOS_OWN},
    "aiotools": NATIVE - {"native_gather_1000", "native_task_group_1000", "native_timeout"},
}
LIBRARIES = parse_contestants(",".join(PEERS))
ASYNCIO = Contestant("asyncio", "asyncio:new_event_loop")
ROOT = Path(__file__).resolve().parents[2]


class Switch:
    """A clock that notes how it was used."""

    def __init__(self) -> None:
        self.presses: list[str] = []

    def start(self) -> None:
        self.presses.append("start")

    def stop(self) -> None:
        self.presses.append("stop")


@pytest.mark.parametrize("library", PEERS)
def test_what_a_library_has(library: str) -> None:
    """A case that was renamed or added in `native.py` alone fails here."""
    assert cases_of(library) == NATIVE - LACKING[library]


@pytest.mark.parametrize(
    ("library", "name"),
    [(library, name) for library in PEERS for name in sorted(cases_of(library))],
)
def test_it_does_as_many_operations_as_on_asyncio(library: str, name: str) -> None:
    pytest.importorskip(library, reason="aiotools needs Python 3.11")
    (case,) = find_cases(name)
    clock = Switch()
    bench = run(spelled_by(library, case), clock)
    assert clock.presses == ["start", "stop"]
    if case.since <= sys.version_info:
        assert bench.operations == run(case, Switch()).operations


def run(case: Case, clock: Switch) -> Bench:
    loop = asyncio.new_event_loop()
    try:
        return attempt(case, loop, asyncio.new_event_loop, 3, clock)
    finally:
        loop.close()


def test_the_work_is_done_while_the_clock_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation of the cases that start tasks that do nothing, seen from the tasks."""
    pytest.importorskip("trio", reason="trio, which the benchmarks compare with, is not installed")
    running: list[int] = []
    clock = Switch()

    async def nothing() -> None:
        running.append(clock.presses == ["start"])

    monkeypatch.setattr("cases.peers.nothing", nothing)
    bench = run(spelled_by("trio", *find_cases("native_task_group_1000")), clock)
    assert len(running) == bench.operations == 3 * native.MANY
    assert all(running)


def test_they_take_part_in_the_primitives_only() -> None:
    contestants = [ASYNCIO, *LIBRARIES]
    others = [case for case in all_cases() if case.group != "native"]
    assert taking_part(others, contestants) == [ASYNCIO]
    taken = schedule(all_cases(), contestants, 1)
    assert {case.group for _, case, who in taken if who.is_library} == {"native"}


def test_who_has_none_of_the_cases_is_left_out() -> None:
    lock, timeout = find_cases("native_lock"), find_cases("native_timeout")
    contestants = [*LIBRARIES, Contestant("c")]
    assert [who.name for who in taking_part(lock, contestants)] == ["anyio", "trio"]
    assert [who.name for who in taking_part(timeout, contestants)] == [*PEERS]
    with pytest.raises(LookupError, match="hint: "):
        taking_part(find_cases("callback_ping_pong"), contestants)


def test_who_lacks_a_case_leaves_the_turns_of_the_others_even() -> None:
    cases = find_cases("callback_ping_pong")
    loops = [Contestant(name, f"{name}:loop") for name in ("a", "b")]
    first: Counter[str] = Counter()
    for number in range(4):
        order = [
            who.name for turn, _, who in schedule(cases, [*loops, *LIBRARIES], 4) if turn == number
        ]
        assert len(order) == 2
        first[order[0]] += 1
    assert first == {"a": 2, "b": 2}


def test_the_library_is_what_has_the_version() -> None:
    pytest.importorskip("trio", reason="trio, which the benchmarks compare with, is not installed")
    (trio,) = parse_contestants("trio")
    assert re.match(r"\d+\.\d+", trio.version())


def page(samples: list[tuple[str, str, float]]) -> str:
    cases = find_cases("callback_ping_pong,native_lock,native_gather_1000")
    python = {"version": "3.13.0", "from_distribution": False, "profile_guided": True}
    about: dict[str, Any] = {
        "date": "2026-01-01",
        "command": "",
        "quantity": "cpu",
        "rounds": 1,
        "machine": {"cpu": "", "cpus": 2, "system": "", "kernel": ""},
        "loops": {
            name: {"version": "1", "python": python} for name in ("asyncio", "riata", "trio")
        },
        "cases": {
            case.name: {"title": case.title, "group": case.group, "unit": case.unit}
            for case in cases
        },
        "samples": [
            {"round": 0, "case": case, "loop": loop, "value": value}
            for case, loop, value in samples
        ],
    }
    pytest.importorskip("tomllib", reason="bars.toml is read on Python 3.11 and newer")
    from harness import bars

    return document({"run.json": about}, bars.load(ROOT / "benchmarks" / "bars.toml"), {})


def test_the_page_shows_them_with_the_primitives_and_nowhere_else() -> None:
    """trio is cheaper here: that is a loss, but no bar is missed."""
    text = page(
        [
            *[("callback_ping_pong", loop, 100.0) for loop in ("asyncio", "riata")],
            *[("native_gather_1000", loop, 100.0) for loop in ("asyncio", "riata")],
            *[("native_lock", "asyncio", 100.0), ("native_lock", "riata", 100.0)],
            ("native_lock", "trio", 50.0),
        ]
    )
    loop, primitives = text.split("### The primitives")
    assert "| case | asyncio, ns | riata, ns | against asyncio |\n" in loop
    header = "| case | asyncio, ns | riata, ns | trio, ns | against asyncio | against trio |\n"
    assert header in primitives
    assert re.search(
        r"\| native: gather\(1,000\) \| [^|]+ \| [^|]+ \| - \| [^|]+ \| - \|", primitives
    )
    assert re.search(r"\| native: lock, uncontended \| .* \| 50.0 ±0% \| .* \| 0.50x", primitives)
    assert "native: lock, uncontended: trio needs 50% of what riata does" in loop
    assert "trio wanted" not in text


def test_both_lists_of_requirements_name_the_same_versions() -> None:
    """What is tried here is what the benchmarks measure."""
    lists = [
        set((ROOT / folder / "requirements.txt").read_text().splitlines())
        for folder in ("benchmarks", "tests")
    ]
    for library in PEERS:
        pins = [{pin for pin in pins if pin.startswith(f"{library}==")} for pins in lists]
        assert len(pins[0]) == 1
        assert pins[0] == pins[1]

"""What a program that fails prints: a tree of named tasks with where they were made, and each failure once."""

import re
import subprocess
import sys
import textwrap

PROGRAM = """
import asyncio, riata

async def fetch(number):
    if number == 1:
        raise ValueError("bad reply")
    if number == 2:
        async with riata.timeout(0.001):
            await riata.sleep(60)

async def batch():
    async with riata.TaskGroup(on_error="collect", name="batch") as group:
        for number in range(3):
            group.create_task(fetch(number), name=f"fetch-{number}")

async def service():
    async with riata.TaskGroup(name="service") as group:
        group.create_task(batch(), name="batch")
        group.create_task(riata.sleep(60), name="idle")
"""


SAID = ("ExceptionGroup: ", "ValueError: ", "TimeoutError", "in task ", "the timeout of ")


def report_of(tmp_path, main):
    """Which exceptions and notes were printed how deep in the tree, and the process."""
    path = tmp_path / "app.py"
    path.write_text(PROGRAM + textwrap.dedent(main))
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
    report = []
    for line in ran.stderr.replace(str(tmp_path), "").splitlines():
        rail, _, text = line.partition("| ")
        text = re.sub(r"^(exceptiongroup|riata\.exceptions)\.", "", text)
        if text.startswith(SAID):
            report.append((len(rail) // 2, text))
    return report, ran


EXPECTED = [
    (1, "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)"),
    (2, "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)"),
    (2, "in task 'batch' of the group 'service', made in service (/app.py:18)"),
    (3, "ValueError: bad reply"),
    (3, "in task 'fetch-1' of the group 'batch', made in batch (/app.py:14)"),
    (3, "TimeoutError"),
    (
        3,
        "the timeout of 0.001 s, set in fetch (/app.py:8), has passed while awaiting sleep in fetch (/app.py:9)",
    ),
    (3, "in task 'fetch-2' of the group 'batch', made in batch (/app.py:14)"),
]


def test_a_program_that_fails(tmp_path):
    report, ran = report_of(tmp_path, "riata.run(service())")
    assert report == EXPECTED, ran.stderr
    assert ran.returncode == 1
    assert ran.stderr.count("ValueError: bad reply") == 1


def test_a_task_that_nobody_awaits(tmp_path):
    main = """
    async def main():
        asyncio.create_task(service(), name="unheard")
        await riata.sleep(0.5)

    riata.run(main())
    """
    report, ran = report_of(tmp_path, main)
    assert report == EXPECTED, ran.stderr
    assert ran.returncode == 0
    assert ran.stderr.count("Task exception was never retrieved") == 1
    assert ran.stderr.count("ValueError: bad reply") == 1

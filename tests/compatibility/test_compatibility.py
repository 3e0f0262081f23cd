"""Every probe of the compatibility page passes on asyncio and on riata, and the program sees a loop that is broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..support import LOOPS

FOLDER = Path(__file__).resolve().parents[2] / "compatibility"
PROBES = subprocess.run(
    [
        sys.executable,
        "-c",
        "from registry import all_probes\nfor probe in all_probes(): print(probe.name)",
    ],
    cwd=FOLDER,
    env={
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")]),
    },
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


def run(*args):
    path = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), *args],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope="session")
def results():
    """All of them in one go: a probe is a fork, which takes milliseconds; an interpreter takes longer."""
    loops = ",".join(name for name in LOOPS if name != "asyncio")
    return json.loads(run("--json", "--limit", "30", "--loops", loops).stdout)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("probe", PROBES)
def test_probe(results, name, probe):
    result = results[name][probe]
    assert result["outcome"] == "yes", f"{result['error']}: {result['message']}"


@pytest.mark.slow
def test_broken_loop_is_seen():
    probes = ["timers.when", "running.stop_before_run", "signalling.signal_handler", "timers.clock"]
    done = run(
        "--json", "--limit", "1", "--loops", "broken=broken:new_event_loop", "--only", *probes
    )
    found = json.loads(done.stdout)["broken"]
    assert found["timers.when"]["outcome"] == "no"
    assert found["timers.when"]["error"] == "NotImplementedError"
    assert found["running.stop_before_run"]["outcome"] == "crashes"
    assert found["running.stop_before_run"]["error"] == "SIGABRT"
    assert found["signalling.signal_handler"]["outcome"] == "hangs"
    assert found["timers.clock"]["outcome"] == "yes"


@pytest.mark.slow
def test_riata_that_fails_ends_in_an_error():
    done = run("--loops", "riata=broken:new_event_loop", "--only", "timers.when")
    assert done.returncode == 1
    assert "error: timers.when on riata" in done.stderr
    assert "| no: NotImplementedError |" in done.stdout


@pytest.mark.slow
def test_unknown_probe_is_an_error():
    done = run("--loops", "", "--only", "nothing")
    assert done.returncode == 2
    assert "hint:" in done.stderr

"""The soak's short form, and that it sees a leak."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ..support import DEBUG_BUILD
from .verdict import Sample, complaints

TOP = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(400)


def soak(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seed", "1", *arguments],
        capture_output=True,
        text=True,
        cwd=TOP,
        env=os.environ,
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.skipif(DEBUG_BUILD, reason="too slow to do much in so short a time")
def test_a_short_soak_is_flat(loop_name):
    done = soak("--minutes", "0.2", "--loop", loop_name)
    assert done.stdout.splitlines()[-1] == "flat", done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(DEBUG_BUILD, reason="too slow to do much in so short a time")
def test_a_soak_sees_a_leak(loop_name):
    done = soak("--minutes", "0.2", "--loop", loop_name, "--leak", "5")
    assert "FAILED: objects: +" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1


STILL = Sample(0, memory=50_000_000, descriptors=10, tasks=1, objects=30_000, blocks=100_000)


@pytest.mark.parametrize(
    "name, step", [("memory", 100_000), ("descriptors", 1), ("tasks", 1), ("objects", 10)]
)
def test_growth_is_seen(name, step):
    samples = [
        replace(STILL, seconds=18 * i, **{name: getattr(STILL, name) + step * i})
        for i in range(100)
    ]
    (complaint,) = complaints(samples)
    assert complaint.startswith(f"{name}: +")


def test_memory_of_a_short_run_may_grow_a_little():
    samples = [replace(STILL, seconds=i, memory=50_000_000 + 100_000 * i) for i in range(100)]
    assert complaints(samples) == []
    samples = [replace(STILL, seconds=i, memory=50_000_000 + 400_000 * i) for i in range(100)]
    assert len(complaints(samples)) == 1


def test_growth_in_the_warm_up_is_none():
    samples = [replace(STILL, objects=30_000 + 1000 * min(i, 19)) for i in range(100)]
    assert complaints(samples) == []


def test_one_high_sample_of_memory_is_none_but_one_descriptor_is():
    samples = [STILL] * 100
    samples[90] = replace(STILL, memory=90_000_000)
    assert complaints(samples) == []
    samples[90] = replace(STILL, descriptors=11)
    (complaint,) = complaints(samples)
    assert complaint.startswith("descriptors: +1")

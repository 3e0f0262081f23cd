"""What a process holds: its resident memory, and a check that much work does not make it grow."""

import asyncio
import gc
import os
import resource
import sys

from .support import open_fds

PAGE = os.sysconf("SC_PAGE_SIZE")

# All references in the process, on CPython's debug build; elsewhere nobody counts them.
references = getattr(sys, "gettotalrefcount", int)


def resident() -> int:
    """The bytes of memory that the process has in use."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * PAGE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most so far, which is flat too


def settle(loop):
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    gc.collect()


def flat(loop, work, *, rounds=4, warm=1, limit, record=lambda name, value: None):
    """Run `work` again and again: after the warm-up neither memory, objects, references nor descriptors grow."""

    def measure():
        settle(loop)
        return {
            "memory": resident(),
            "objects": len(gc.get_objects()),
            "blocks": sys.getallocatedblocks(),
            "references": references(),
        }

    for _ in range(warm):
        work()
    before, fds = measure(), open_fds()
    for _ in range(rounds):
        work()
    after, fds_after = measure(), open_fds()
    for name, value in after.items():
        record(name, (before[name], value))
    record("descriptors", (len(fds), len(fds_after)))
    assert fds_after == fds
    grown = {name: value - before[name] for name, value in after.items()}
    assert grown["objects"] < 100
    assert grown["blocks"] < 3000
    assert grown["references"] < 3000
    assert grown["memory"] < limit, f"{grown['memory'] / 1e6:.1f} MB more than after the warm-up"

"""The loop that a script in a subprocess runs on, chosen by RIATA_TEST_LOOP.

Scripts started by `support.run_script` do `from loop_under_test import new_event_loop, run`; nothing else in them
says which loop they are on, so one text serves every loop.
"""

import asyncio
import os
import sys

name = os.environ.get("RIATA_TEST_LOOP", "asyncio")

if name == "asyncio":
    new_event_loop = asyncio.new_event_loop
    run = asyncio.run
elif name == "riata":
    import riata

    new_event_loop = riata.new_event_loop
    run = riata.run
else:
    sys.exit(f"unknown loop in RIATA_TEST_LOOP: {name!r}")

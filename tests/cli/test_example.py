"""The example prints the same table on asyncio and on riata, and each failing quote costs its own row only."""

import re
from pathlib import Path

from .conftest import PYTHON, RIATA

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "prices.py")


def test_prices(run):
    tables = {}
    for launcher, loop in (PYTHON, "asyncio.unix_events._UnixSelectorEventLoop"), (RIATA, "riata."):
        outcome = run((launcher[0], "-X", "dev", "-W", "error", *launcher[1:]), EXAMPLE)
        assert (outcome.status, outcome.err) == (0, "")
        table, last = outcome.out.rsplit("\n\n", 1)
        assert last.startswith(f"loop: {loop}")
        assert re.search(r", 0\.\d{3} s\n$", last), last
        tables[launcher] = table
    assert tables[RIATA] == tables[PYTHON]
    rows = dict(re.findall(r"^\w+ +([A-Z]+) +(\S.*)$", tables[RIATA], re.MULTILINE))
    assert len(rows) == 18
    assert rows["TSLA"].split() == ["350.00", "+8.96%"]
    assert rows["META"].endswith("no answer within 0.5 s")
    assert rows["NFLX"].endswith("connection lost")
    assert rows["XOM"].endswith("malformed quote '1O5.17 118.63'")
    assert "15 of 18 quotes, on average +0.62%" in tables[RIATA]

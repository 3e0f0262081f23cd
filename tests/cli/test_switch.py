"""`RIATA_LOOP=asyncio` takes riata out of a program, however the program came by it."""

import pytest

from .conftest import PYTHON, RIATA, Outcome

OFF = {"RIATA_LOOP": "asyncio"}
LINE = "riata: switched off by RIATA_LOOP=asyncio, running on asyncio\n"
ASK = """\
import asyncio, riata, multiprocessing
def name(loop):
    loop.close()
    return type(loop).__module__.partition(".")[0]
async def main():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
"""


@pytest.mark.parametrize("launcher", [PYTHON, RIATA])
@pytest.mark.parametrize(
    "way",
    [
        "print(riata.run(main()))",
        "print(name(riata.new_event_loop()))",
        "print(name(riata.EventLoopPolicy().new_event_loop()))",
        "riata.install(); print(asyncio.run(main()))",
        "riata.install(); riata.install(); riata.run(main()); print(asyncio.run(main()))",
    ],
)
def test_off(run, write, launcher, way):
    write("app.py", ASK + way + "\n")
    assert run(launcher, "app.py") == Outcome(0, run(PYTHON, "app.py").out, "")
    assert run(launcher, "app.py", env=OFF) == Outcome(0, "asyncio\n", LINE)


def test_off_for_programs_that_do_not_know_riata(run, write):
    write(
        "app.py",
        "import asyncio, uvloop, os\nprint(asyncio.new_event_loop(), uvloop.new_event_loop())\n",
    )
    expected = run(PYTHON, "app.py")
    assert run(RIATA, "app.py", env=OFF) == Outcome(0, expected.out, LINE)


def test_off_says_so_once(run, write):
    """Workers do not repeat the line."""
    write(
        "app.py",
        ASK
        + "def child(): print(riata.run(main()), flush=True)\n"
        + "if __name__ == '__main__':\n"
        + "    child()\n"
        + "    for method in 'spawn', 'fork', 'forkserver':\n"
        + "        p = multiprocessing.get_context(method).Process(target=child)\n"
        + "        p.start(); p.join()\n",
    )
    for launcher in PYTHON, RIATA:
        assert run(launcher, "app.py", env=OFF) == Outcome(0, "asyncio\n" * 4, LINE)


@pytest.mark.parametrize("value", ["", "riata"])
def test_on(run, write, value):
    write("app.py", ASK + "print(riata.run(main()), asyncio.run(main()))\n")
    assert run(RIATA, "app.py", env={"RIATA_LOOP": value}) == Outcome(0, "riata riata\n", "")


def test_unknown_value(run, write):
    """A mistyped switch is an error: an operator who rolls back must not believe that it worked."""
    write("app.py", ASK + "riata.run(main())\n")
    outcome = run(RIATA, "app.py", env={"RIATA_LOOP": "asynco"})
    assert (outcome.status, outcome.out) == (2, "")
    assert "'asynco'" in outcome.err
    assert "hint: `RIATA_LOOP=asyncio`" in outcome.err
    outcome = run(PYTHON, "app.py", env={"RIATA_LOOP": "asynco"})
    assert outcome.status == 1
    assert "RuntimeError: RIATA_LOOP has the unknown value" in outcome.err

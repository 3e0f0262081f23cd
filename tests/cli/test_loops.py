"""Under `riata run` a program gets riata's loop by whatever way it asks for one, and so do its child processes."""

import sys
from pathlib import Path

import pytest

import riata

from .conftest import PYTHON, RIATA, Outcome

ASK = """\
import asyncio, sys, warnings
def name(loop):
    loop.close()
    return type(loop).__module__.partition(".")[0]
async def main():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
"""

WAYS = [
    "print(asyncio.run(main()))",
    "print(asyncio.run(main(), debug=True))",
    "print(name(asyncio.new_event_loop()))",
    "print(name(asyncio.events.new_event_loop()))",
    "print(name(asyncio.SelectorEventLoop()))",
    "from asyncio import SelectorEventLoop as S; print(name(S()))",
    "from threading import Thread as T; T(target=lambda: print(asyncio.run(main()))).start()",
]
if sys.version_info >= (3, 11):
    WAYS += [
        "with asyncio.Runner() as runner: print(runner.run(main()))",
        "r = asyncio.Runner(loop_factory=asyncio.SelectorEventLoop); print(r.run(main())); r.close()",
    ]
if sys.version_info >= (3, 12):
    WAYS += ["print(asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop))"]
if sys.version_info >= (3, 13):
    WAYS += ["print(asyncio.run(main(), loop_factory=asyncio.EventLoop))"]
if sys.version_info < (3, 14):
    WAYS += ["warnings.simplefilter('ignore'); print(name(asyncio.get_event_loop()))"]
if sys.version_info < (3, 16):
    policies = "warnings.simplefilter('ignore'); "
    WAYS += [
        policies + "print(name(asyncio.get_event_loop_policy().new_event_loop()))",
        policies + "asyncio.set_event_loop_policy(None); print(asyncio.run(main()))",
        policies + "asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy()); "
        "print(asyncio.run(main()))",
    ]


@pytest.mark.parametrize("way", WAYS)
def test_asyncio(run, write, way):
    write("app.py", ASK + way + "\n")
    assert run(PYTHON, "app.py", env={"PYTHONWARNINGS": "error"}) == Outcome(0, "asyncio\n", "")
    assert run(RIATA, "app.py", env={"PYTHONWARNINGS": "error"}) == Outcome(0, "riata\n", "")


@pytest.mark.parametrize(
    "way",
    [
        "import selectors; print(name(asyncio.SelectorEventLoop(selectors.SelectSelector())))",
        "import selectors; print(name(asyncio.SelectorEventLoop(selector=None)))",
        "class L(asyncio.SelectorEventLoop): pass\nl = L(); l.close(); print(L.__base__.__module__[:7])",
    ],
)
def test_asyncio_by_name_of_its_parts(same, write, way):
    """A subclass of asyncio's loop and a loop with a selector of its own are asyncio's still."""
    write("app.py", ASK + way + "\n")
    assert same("app.py").out == "asyncio\n"


UVLOOP_WAYS = [
    "print(uvloop.run(main()))",
    "print(uvloop.run(asyncio.Future.__new__ and main(), debug=True))",
    "print(name(uvloop.new_event_loop()))",
    "print(name(uvloop.Loop()))",
    "loop = uvloop.new_event_loop(); assert isinstance(loop, uvloop.loop.Loop); print(name(loop))",
    "from uvloop import new_event_loop as new; print(name(new()))",
]
if sys.version_info >= (3, 11):
    UVLOOP_WAYS += [
        "r = asyncio.Runner(loop_factory=uvloop.new_event_loop); print(r.run(main())); r.close()"
    ]
if sys.version_info < (3, 16):
    UVLOOP_WAYS += [
        "warnings.simplefilter('ignore'); uvloop.install(); print(asyncio.run(main()))",
        "warnings.simplefilter('ignore'); asyncio.set_event_loop_policy(uvloop.EventLoopPolicy()); "
        "print(asyncio.run(main()))",
    ]


@pytest.mark.parametrize("way", UVLOOP_WAYS)
def test_uvloop(run, write, way):
    write("app.py", f"{ASK}import uvloop\n{way}\n")
    assert run(PYTHON, "app.py") == Outcome(0, "uvloop\n", "")
    assert run(RIATA, "app.py") == Outcome(0, "riata\n", "")


def test_uvloop_is_uvloop_otherwise(same, write):
    write(
        "app.py",
        "import uvloop\nprint(uvloop.__version__, uvloop.__file__, uvloop.__loader__.name)\n",
    )
    same("app.py")


def test_uvloop_is_missing_where_it_is_not_installed(same, write):
    """Programs that try uvloop and do without it go on as before."""
    write(
        "app.py",
        "import importlib.util, sys\n"
        "sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
        "print(importlib.util.find_spec('uvloop'))\n"
        "try:\n    import uvloop\nexcept ImportError as error:\n    print(repr(error))\n",
    )
    assert "ModuleNotFoundError" in same("app.py").out


CHILD = f"""{ASK}
import multiprocessing, pickle, os
class Point:
    pass
def child(queue, point):
    assert type(point) is Point and point.x == 1
    queue.put((os.getpid() != point.parent, asyncio.run(main())))
if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(method)
        point, queue = Point(), context.SimpleQueue()
        point.x, point.parent = 1, os.getpid()
        assert type(pickle.loads(pickle.dumps(point))) is Point
        process = context.Process(target=child, args=(queue, point))
        process.start()
        print(method, queue.get())
        process.join()
        print(process.exitcode)
"""


@pytest.mark.parametrize("target", [("app.py",), ("-m", "app"), ("-m", "package.tool")])
def test_multiprocessing(run, write, target):
    write("app.py", CHILD)
    write("package/tool.py", CHILD)
    expected, outcome = run(PYTHON, *target), run(RIATA, *target)
    assert outcome == Outcome(0, expected.out.replace("asyncio", "riata"), expected.err)
    assert outcome.out.count("(True, 'riata')") == outcome.out.count("\n0\n") >= 3


def test_forkserver_that_imported_the_program_first(run, write):
    """A fork server imports `__main__` before any child begins; what `__main__` took from asyncio is riata's."""
    write(
        "app.py",
        ASK
        + "import multiprocessing\n"
        + "from asyncio import new_event_loop, SelectorEventLoop\n"
        + "def child(queue):\n    queue.put((name(new_event_loop()), name(SelectorEventLoop())))\n"
        + "if __name__ == '__main__':\n"
        + "    context = multiprocessing.get_context('forkserver')\n"
        + "    context.set_forkserver_preload(['__main__'])\n"
        + "    queue = context.SimpleQueue()\n"
        + "    process = context.Process(target=child, args=(queue,))\n"
        + "    process.start(); print(queue.get()); process.join()\n",
    )
    assert run(RIATA, "app.py") == Outcome(0, "('riata', 'riata')\n", "")


def test_executor_of_processes(run, write):
    write(
        "app.py",
        f"{ASK}\n"
        "import multiprocessing\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def child(_): return asyncio.run(main())\n"
        "if __name__ == '__main__':\n"
        "    with ProcessPoolExecutor(2, multiprocessing.get_context('spawn')) as pool:\n"
        "        print(set(pool.map(child, range(4))))\n",
    )
    assert run(RIATA, "app.py") == Outcome(0, "{'riata'}\n", "")


def test_program_that_starts_itself_anew(run, write):
    """As reloaders do: by `exec`, and as a child process."""
    again = (
        f"{ASK}import os, subprocess\n"
        "print(sys.argv[1:], asyncio.run(main()), flush=True)\n"
        "if sys.argv[1:] == ['one']:\n"
        "    subprocess.run([sys.executable, sys.argv[0], 'two'], check=True)\n"
        "    os.execv(sys.executable, [sys.executable, sys.argv[0], 'three'])\n"
    )
    write("app.py", again)
    expected = "['one'] riata\n['two'] riata\n['three'] riata\n"
    assert run(RIATA, "app.py", "one") == Outcome(0, expected, "")


def test_riata_within_riata(run, write):
    write(
        "app.py",
        f"{ASK}import os\nprint(asyncio.run(main()), os.environ['PYTHONPATH'].count('startup'))",
    )
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-m', 'riata', 'run', 'app.py'])"
    )
    assert run(RIATA, "-c", code) == Outcome(0, "riata 1\n", "")


def test_program_without_asyncio_loads_nothing(same):
    code = (
        "import sys; print([name for name in sys.modules if name.startswith(('riata', 'asyncio'))])"
    )
    assert same("-c", code).out == "[]\n"


def test_other_interpreters_are_left_alone(run, write):
    """The hook acts only in the Python that it was set for, though others inherit the environment."""
    write("app.py", ASK + "print(asyncio.run(main()))\n")
    code = (
        "import os, subprocess, sys; os.environ['RIATA_RUN'] = '/elsewhere|3.9'; "
        "subprocess.run([sys.executable, 'app.py'])"
    )
    assert run(RIATA, "-c", code) == Outcome(0, "asyncio\n", "")


def test_asyncio_was_there_first(run, write):
    """A .pth file of site-packages may import it before any start-up hook runs."""
    write("app.py", ASK + "print(asyncio.run(main()))\n")
    code = (
        "import asyncio, runpy, sys; sys.path.insert(0, sys.argv[1]); sys.modules.pop('sitecustomize', None); "
        "import sitecustomize; runpy.run_path('app.py')"
    )
    environment = {"RIATA_RUN": f"{sys.prefix}|{sys.version_info[0]}.{sys.version_info[1]}"}
    startup = str(Path(riata.__file__).parent / "startup")
    assert run(PYTHON, "-c", code, startup, env=environment) == Outcome(0, "riata\n", "")


@pytest.mark.parametrize("options", [(), ("--dump-on", "SIGUSR1")])
def test_sub_interpreters_keep_their_loop(run, write, options):
    """The extension cannot be loaded there; the program works all the same, and the operator is told."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name, reason="this Python has no sub-interpreters")
    write("app.py", ASK + "print(asyncio.run(main()), flush=True)\n")
    code = (
        f"import os, runpy, {name} as interpreters; runpy.run_path('app.py'); "
        "other = interpreters.create(); "
        "interpreters.run_string(other, 'import runpy; runpy.run_path(\"app.py\")'); "
        "os._exit(0)"  # 3.12 may crash at its end when asyncio was in two interpreters
    )
    notice = "riata: not for sub-interpreters, this one runs on asyncio\n"
    assert run(RIATA, *options, "-c", code) == Outcome(0, "riata\nasyncio\n", notice)


def test_a_sub_interpreter_gets_no_loop_of_ours(run):
    """And asking for one there leaves the main interpreter as it was."""
    name = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    pytest.importorskip(name, reason="this Python has no sub-interpreters")
    ask = "import sys\\ntry: import riata; riata.EventLoop\\nexcept ImportError as e: print(e, flush=True)"
    code = (
        f"import os, {name} as interpreters; other = interpreters.create(); "
        f"interpreters.run_string(other, '{ask}'); "
        "import asyncio, riata; print(asyncio.run(asyncio.sleep(0, 1)), riata.run(asyncio.sleep(0, 2)), flush=True); "
        "os._exit(0)"  # as above
    )
    refusal = "riata's loops run in the main interpreter only; this is a sub-interpreter, use asyncio's here\n"
    assert run(PYTHON, "-c", code) == Outcome(0, refusal + "1 2\n", "")


def test_a_module_of_the_same_name(run, write):
    path = write("program/riata.py", "")
    write("program/app.py", ASK + "print(asyncio.run(main()))\n")
    outcome = run(RIATA, "program/app.py")
    message = f"ImportError: `riata run` needs the package riata, which {path} hides: rename it"
    assert (outcome.status, outcome.out, outcome.err.splitlines()[-1]) == (1, "", message)


def test_own_sitecustomize_is_imported(run, write):
    """The start-up hook makes way for the `sitecustomize` that it hides. (The `riata` command read it as well.)"""
    write("site/sitecustomize.py", "import sys; print('mine', __name__, __file__)\n")
    code = "import sys; print(sys.modules['sitecustomize'].__file__, sys.path)"
    expected = run(PYTHON, "-c", code, env={"PYTHONPATH": "site"})
    outcome = run(RIATA, "-c", code, env={"PYTHONPATH": "site"})
    assert expected.out.startswith("mine sitecustomize")
    assert outcome.out == expected.out.splitlines(keepends=True)[0] + expected.out
    assert (outcome.status, outcome.err) == (0, "")


def test_own_sitecustomize_may_use_asyncio(run, write):
    write("site/sitecustomize.py", ASK + "print(asyncio.run(main()))\n")
    assert run(RIATA, "-c", "", env={"PYTHONPATH": "site"}) == Outcome(0, "asyncio\nriata\n", "")


def test_own_sitecustomize_with_an_error(run, write):
    """Python reports it and goes on."""
    write("site/sitecustomize.py", "import missing_module_of_mine\n")
    outcome = run(RIATA, "-c", "print('on')", env={"PYTHONPATH": "site"})
    assert outcome.status == 0
    assert outcome.out == "on\n"
    assert outcome.err.count("missing_module_of_mine") == 2  # the `riata` command read it as well

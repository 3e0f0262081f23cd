"""The `riata` command.

`riata run` starts the program as `python` would, in this same process (`exec`), with one thing added: a start-up hook
on PYTHONPATH (`riata/startup`) that puts riata behind asyncio's and uvloop's names when the program imports them. So
`sys.argv`, `__main__`, tracebacks, exit codes and signals are Python's own, and Python processes that the program
starts (multiprocessing's, a reloader's) inherit the hook with the environment. Nothing of the program runs here.

`riata check` and `riata rule` are another program, `riata-check`, in a package of its own: a service that runs on riata
needs no checker installed. They find it and become it (`exec`), so that its options and exit codes are its own.
"""

import argparse
import contextlib
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from typing import NoReturn

from riata.dump_signal import VARIABLE as DUMP_VARIABLE
from riata.dump_signal import signal_number
from riata.switch import NATIVE_VARIABLE, NOTICE_VARIABLE, switched_off

__all__ = ["main"]

# Holds the interpreter that the hook is for, and so keeps it from acting in any other one.
HOOK_VARIABLE = "RIATA_RUN"

CHECKER = "riata-check"
# Names another checker than the one that is installed: who works on it says `target/checker/riata-check`.
CHECKER_VARIABLE = "RIATA_CHECK"

RUN_USAGE = """\
riata run [--native] [--dump-on SIGNAL] SCRIPT [ARG ...]
       riata run [--native] [--dump-on SIGNAL] -m MODULE [ARG ...]
       riata run [--native] [--dump-on SIGNAL] -c CODE [ARG ...]"""

RUN_DESCRIPTION = """\
Run a program as `python` would, on riata's event loop.

Whatever loop the program asks for through asyncio or uvloop, it gets riata's, and so do the
Python processes that it starts. SCRIPT may be a file, a folder or zip file with a `__main__.py`,
or `-` for standard input. With --native, asyncio's locks, queues, timeouts, task groups,
`sleep`, `gather` and `wait_for` are riata's too. With --dump-on SIGUSR1 the program writes to standard
error, on that signal, what all its threads and tasks do, who holds what they wait for, and deadlocks.
Interpreter options go to the interpreter that runs riata:

    python -X dev -m riata run app.py

RIATA_LOOP=asyncio in the environment switches riata off for the whole program."""


class UsageError(Exception):
    """What was typed makes no sense; the message names it, and a second line has a hint."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `riata` command and return its exit status. `riata run` does not return."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    try:
        if arguments[:1] == ["run"] and arguments[1:2] not in (["-h"], ["--help"]):
            _run(arguments[1:], _interpreter_options() if argv is None else [])
        if arguments[:1] == ["check"]:
            _become_checker(arguments[1:])
        if arguments[:1] == ["rule"]:
            _become_checker(arguments)
        options = parser.parse_args(arguments)
        if options.version:
            return _print_version()
        return _print(parser.format_help().rstrip()) or 2
    except (UsageError, RuntimeError) as error:
        print(f"riata: {error}", file=sys.stderr)
        return 2


def _print(text: str) -> int:
    """Print to standard output and return the exit status: 1 when nobody takes it."""
    try:
        print(text, flush=True)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"riata: standard output: {error.strerror}", file=sys.stderr)
        # What is left of it goes nowhere, and is no reason for Python to complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="riata", description="Production-grade async Python, powered by Rust."
    )
    parser.add_argument("--version", action="store_true", help="say what is installed, and quit")
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.add_parser(
        "run",
        usage=RUN_USAGE,
        description=RUN_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        help="run a program on riata's event loop",
    )
    # Both are there for the list of commands: what follows them goes to the checker as it is.
    commands.add_parser("check", help="find the mistakes of async Python before they run")
    commands.add_parser("rule", help="explain a rule of `riata check`, or list all of them")
    return parser


def _become_checker(arguments: list[str]) -> NoReturn:
    program = _find_checker()
    try:
        os.execv(program, [program, *arguments])
    except OSError as error:
        raise UsageError(
            f"cannot run {program}: {error.strerror}\nhint: install it anew: {_checker_ways()}"
        ) from None


def _find_checker() -> str:
    """Return the path of the checker: the one that is named, that of this environment, the user's, or one on PATH."""
    named = os.environ.get(CHECKER_VARIABLE)
    if named:
        return named
    folders = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
        *os.get_exec_path(),
    ]
    found = shutil.which(CHECKER, path=os.pathsep.join(folders))
    if found is None:
        raise UsageError(
            f"`{CHECKER}` is not installed: it is a package of its own\nhint: {_checker_ways()}"
        )
    return found


def _checker_ways() -> str:
    return (
        "`pip install 'riata[check]'`, "
        "or `cargo install --locked --profile checker --path crates/riata_cli` in riata's sources"
    )


def _run(target: list[str], interpreter_options: list[str]) -> NoReturn:
    native, dump_on, target = _own_options(target)
    _check_target(target)
    _check_interpreter()
    environment = dict(os.environ)
    if dump_on is not None:
        environment[DUMP_VARIABLE] = dump_on
    if switched_off():
        environment[NOTICE_VARIABLE] = str(os.getpid())
    else:
        hook = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
        paths = environment.get("PYTHONPATH")
        # An empty entry means the current folder, and stays; an empty variable means nothing.
        others = [path for path in paths.split(os.pathsep) if path != hook] if paths else []
        environment["PYTHONPATH"] = os.pathsep.join([hook, *others])
        environment.pop(NATIVE_VARIABLE, None)
        if native:
            environment[NATIVE_VARIABLE] = "1"
        environment[HOOK_VARIABLE] = f"{sys.prefix}|{sys.version_info[0]}.{sys.version_info[1]}"
    for stream in filter(None, (sys.stdout, sys.stderr)):  # without those that are closed
        with contextlib.suppress(OSError):  # a full one is the program's to find
            stream.flush()
    os.execve(sys.executable, [sys.executable, *interpreter_options, *target], environment)


def _own_options(target: list[str]) -> tuple[bool, str | None, list[str]]:
    """Return whether there is `--native`, the signal of `--dump-on`, and what is to be run."""
    native, dump_on = False, None
    left = list(target)
    while left and (left[0] == "--native" or left[0].partition("=")[0] == "--dump-on"):
        option, has_value, value = left.pop(0).partition("=")
        if option == "--native":
            native = True
            continue
        dump_on = value if has_value else left.pop(0) if left else ""
        signal_number(dump_on)
    return native, dump_on, left


def _check_target(target: list[str]) -> None:
    first = target[0] if target else ""
    hint = "hint: `riata run app.py`, `riata run -m package.module` or `riata run -c CODE`"
    if not first:
        raise UsageError(f"nothing to run\n{hint}")
    if first in ("-m", "-c") and len(target) == 1:
        what = "a module name" if first == "-m" else "the code to run"
        raise UsageError(f"`riata run {first}` lacks {what}\n{hint}")
    if first == "--" and len(target) == 1:
        raise UsageError(f"nothing to run\n{hint}")
    if first.startswith("-") and first not in ("-", "--") and first[:2] not in ("-m", "-c"):
        raise UsageError(
            f"unknown option `{first}`\n"
            f"hint: options for Python go before: `python {first} -m riata run ...`"
        )


def _check_interpreter() -> None:
    for flag, option in (("isolated", "-I"), ("ignore_environment", "-E"), ("no_site", "-S")):
        if getattr(sys.flags, flag):
            raise UsageError(
                f"`riata run` does not work under `python {option}`, "
                "since its start-up hook comes through the environment\n"
                "hint: leave the option out, or call `riata.run(main())` in the program"
            )


def _interpreter_options() -> list[str]:
    """Return what stands before `-m riata` or the script's name on the command line of this process."""
    *before, last = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv[1:])]
    # `-m` may stand in one word with flags before it (`-um riata`) and with its value (`-mriata`).
    if last.startswith("-"):
        flags = last[: last.index("m")]
    elif before and re.fullmatch("-[^-WXcm]*m", before[-1]):
        flags = before.pop()[:-1]
    else:
        flags = "-"
    return before if flags == "-" else [*before, flags]


def _print_version() -> int:
    try:
        from riata._riata import build_info
    except ImportError as error:
        print(
            f"riata: the extension module cannot be loaded: {error}\n"
            "hint: reinstall it for this Python with `python -m pip install --force-reinstall riata`",
            file=sys.stderr,
        )
        return 1
    build = build_info()
    implementation = sys.implementation.name.replace("cpython", "CPython")
    commit = f", commit {build['commit']}" if "commit" in build else ""
    python = ".".join(map(str, sys.version_info[:3]))
    lines = [
        f"riata {build['version']}",
        f"python {python} ({implementation}, {sys.executable})",
        f"build {build['profile']} for {build['target']}, Python {build['python']}{commit}",
        f"driver {build['driver']}",
        *(["loop asyncio"] if switched_off() else []),
    ]
    return _print("\n".join(lines))

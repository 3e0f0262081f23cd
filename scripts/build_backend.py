"""The build backend that `pip install` calls where no wheel fits: maturin, behind a look at what is there.

A platform or Python that riata has no build for would otherwise fail somewhere within a Rust crate; this says at once
what is supported. maturin is asked for only after that, since it has no wheel for every platform either, and pip would
build it first. Nothing is built here.
"""

from __future__ import annotations

import importlib
import platform
import shutil
import sys
import sysconfig
from types import ModuleType

SUPPORTED = (
    "riata supports CPython 3.10 to 3.15 (not the free-threaded build yet) "
    "on Linux and macOS, x86-64 and aarch64"
)

MATURIN = "maturin>=1.9,<2"


def get_requires_for_build_sdist(_settings: object = None) -> list[str]:
    return [MATURIN]


def get_requires_for_build_wheel(_settings: object = None) -> list[str]:
    refuse_unsupported()
    return [MATURIN]


get_requires_for_build_editable = get_requires_for_build_wheel


def build_sdist(*args: object, **kwargs: object) -> str:
    return maturin().build_sdist(*args, **kwargs)


def prepare_metadata_for_build_wheel(*args: object, **kwargs: object) -> str:
    refuse_unsupported()
    return maturin().prepare_metadata_for_build_wheel(*args, **kwargs)


def prepare_metadata_for_build_editable(*args: object, **kwargs: object) -> str:
    refuse_unsupported()
    return maturin().prepare_metadata_for_build_editable(*args, **kwargs)


def build_wheel(*args: object, **kwargs: object) -> str:
    refuse_unsupported()
    return maturin().build_wheel(*args, **kwargs)


def build_editable(*args: object, **kwargs: object) -> str:
    refuse_unsupported()
    return maturin().build_editable(*args, **kwargs)


def maturin() -> ModuleType:
    return importlib.import_module("maturin")


def refuse_unsupported() -> None:
    """End the build with a message if it cannot succeed here.

    Raises:
        SystemExit: with the message.
    """
    problem = what_is_unsupported()
    if problem is not None:
        raise SystemExit(f"error: {problem}\nhint: {SUPPORTED}")
    if shutil.which("cargo") is None:
        raise SystemExit(
            "error: there is no riata wheel for this platform, and no Rust to build it with\n"
            "hint: install stable Rust 1.87 or newer and a C compiler, then run the same command again"
        )


def what_is_unsupported() -> str | None:
    implementation = platform.python_implementation()
    if implementation != "CPython":
        return f"riata does not support {implementation}"
    if not (3, 10) <= sys.version_info[:2] <= (3, 15):
        return f"riata does not support Python {platform.python_version()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return (
            f"riata does not support the free-threaded build of Python {platform.python_version()}"
        )
    if platform.system() not in ("Linux", "Darwin"):
        return f"riata does not support {platform.system()}"
    if platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"):
        return f"riata does not support {platform.machine()} processors"
    return None

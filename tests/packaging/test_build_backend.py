"""`pip install` where riata has no build says what is supported, and does not fail within a Rust crate."""

import importlib.util
import platform
import shutil
import sys
import sysconfig
import types
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2] / "scripts" / "build_backend.py"


@pytest.fixture
def backend(monkeypatch):
    """The build backend, before a maturin that reports being called."""
    maturin = types.ModuleType("maturin")
    maturin.build_sdist = lambda *args: ("built", *args)
    for kind in "wheel", "editable":
        setattr(maturin, f"prepare_metadata_for_build_{kind}", lambda *args: ("metadata", *args))
        setattr(maturin, f"build_{kind}", lambda *args: ("built", *args))
    monkeypatch.setitem(sys.modules, "maturin", maturin)
    return load()


def load():
    spec = importlib.util.spec_from_file_location("build_backend", BACKEND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=["build_wheel", "build_editable", "prepare_metadata_for_build_wheel"])
def build(request, backend):
    return getattr(backend, request.param)


def test_supported(build, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert build("folder", None)[1:] == ("folder", None)


@pytest.mark.parametrize(
    ("owner", "name", "value", "message"),
    [
        (platform, "python_implementation", lambda: "PyPy", "riata does not support PyPy"),
        (platform, "system", lambda: "Windows", "riata does not support Windows"),
        (platform, "machine", lambda: "riscv64", "riata does not support riscv64 processors"),
        (sysconfig, "get_config_var", lambda name: 1, "does not support the free-threaded build"),
        (sys, "version_info", (3, 9, 18), "riata does not support Python"),
        (sys, "version_info", (3, 16, 0), "riata does not support Python"),
    ],
)
def test_unsupported(build, monkeypatch, owner, name, value, message):
    monkeypatch.setattr(owner, name, value)
    with pytest.raises(SystemExit) as refused:
        build("folder")
    first, hint = str(refused.value).splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert hint.startswith("hint: riata supports CPython 3.10 to 3.15")


def test_no_rust(build, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="no Rust to build it with\nhint: install stable Rust"):
        build("folder")


def test_what_is_unsupported_is_said_before_maturin_is_wanted(monkeypatch):
    """pip would build it first, where it has no wheel."""
    monkeypatch.setitem(sys.modules, "maturin", None)  # cannot be imported
    backend = load()
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for kind in "wheel", "editable", "sdist":
        (wanted,) = getattr(backend, f"get_requires_for_build_{kind}")()
        assert wanted.startswith("maturin")
    monkeypatch.setattr(platform, "system", lambda: "FreeBSD")
    for kind in "wheel", "editable":
        with pytest.raises(SystemExit, match="riata does not support FreeBSD"):
            getattr(backend, f"get_requires_for_build_{kind}")()


def test_sources_can_be_packed_anywhere(backend, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "FreeBSD")
    assert backend.build_sdist("folder") == ("built", "folder")

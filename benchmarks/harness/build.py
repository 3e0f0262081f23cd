"""Compiles, once, the programs that are not Python. All of them land in `benchmarks/target`."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

from harness.errors import MeasurementError

BENCHMARKS = Path(__file__).resolve().parent.parent
BUILD = BENCHMARKS / "target"


@functools.cache
def load_generator() -> Path:
    target = BUILD / "loadgen"
    manifest = BENCHMARKS / "loadgen" / "Cargo.toml"
    cargo_build(target, "--locked", "--manifest-path", manifest)
    return target / "release" / "loadgen"


@functools.cache
def floor_server(name: str) -> Path:
    """The plain echo server: `c`, or `rust`, which is the engine's own example."""
    if name == "c":
        return compile_c(BENCHMARKS / "servers" / "floor.c", "floor")
    target = BUILD / "engine"
    manifest = BENCHMARKS.parent / "Cargo.toml"
    example = ("--package", "riata_engine", "--example", "echo")
    cargo_build(target, "--manifest-path", manifest, *example)
    return target / "release" / "examples" / "echo"


@functools.cache
def callgrind_switch() -> Path:
    return compile_c(Path(__file__).with_name("callgrind.c"), "callgrind.so", "-shared", "-fPIC")


def cargo_build(target: Path, *arguments: str | Path) -> None:
    run(["cargo", "build", "--release", "--target-dir", target, *arguments])


def compile_c(source: Path, name: str, *flags: str) -> Path:
    output = BUILD / name
    if not output.exists() or output.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        run(["cc", "-O2", "-Wall", *flags, "-o", output, source])
    return output


def run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MeasurementError(f"`{command[0]}` failed\n{done.stderr.strip()}")

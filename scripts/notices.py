#!/usr/bin/env python3
"""Write the third-party notices: every crate that is compiled into riata's extension, with its licence texts.

    scripts/notices.py > THIRD-PARTY-NOTICES
    scripts/notices.py --check THIRD-PARTY-NOTICES     exit status 1 when the file is out of date

The list comes from `cargo metadata --locked`, thus from Cargo.lock, for all supported platforms; what only builds or
tests riata is left out. The texts come from the crates' own files.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ARTIFACT = "riata_python"
TARGETS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
TEXTS = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
HEADER = """\
riata contains the following third-party software, compiled into its extension module.
Written by scripts/notices.py from Cargo.lock; do not edit.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", metavar="FILE", type=Path, help="compare with FILE, write nothing"
    )
    options = parser.parse_args()
    notices = render(compiled_in())
    if options.check is None:
        sys.stdout.write(notices)
        return 0
    if options.check.exists() and options.check.read_text(encoding="utf-8") == notices:
        return 0
    print(
        f"error: {options.check} does not fit Cargo.lock\nhint: `make notices` writes it anew",
        file=sys.stderr,
    )
    return 1


def compiled_in() -> list[dict]:
    """Return cargo's description of each third-party package that ends up in the extension, sorted by name."""
    packages: dict[str, dict] = {}
    for target in TARGETS:
        metadata = cargo_metadata(target)
        described = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        todo = [package["id"] for package in metadata["packages"] if package["name"] == ARTIFACT]
        if not todo:
            sys.exit(f"error: Cargo.toml has no package {ARTIFACT}")
        seen = set(todo)
        while todo:
            for dependency in nodes[todo.pop()]["deps"]:
                normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
                if (
                    normal
                    and not is_macro(described[dependency["pkg"]])
                    and dependency["pkg"] not in seen
                ):
                    seen.add(dependency["pkg"])
                    todo.append(dependency["pkg"])
        packages.update(
            {key: described[key] for key in seen if described[key]["source"] is not None}
        )
    return sorted(packages.values(), key=lambda package: (package["name"], package["version"]))


def is_macro(package: dict) -> bool:
    return any("proc-macro" in target["kind"] for target in package["targets"])


def cargo_metadata(target: str) -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def render(packages: list[dict]) -> str:
    parts = [HEADER]
    for package in packages:
        where = package["repository"] or package["homepage"] or ""
        parts.append(f"{'=' * 80}\n{package['name']} {package['version']}\n")
        parts.append(f"licence: {package['license'] or 'see below'}\n{where}\n")
        folder = Path(package["manifest_path"]).parent
        texts = sorted(path for path in folder.iterdir() if path.name.upper().startswith(TEXTS))
        for path in texts:
            if path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace").strip()
                lines = "\n".join(line.rstrip() for line in text.splitlines())
                parts.append(f"{'-' * 80}\n{path.name}\n\n{lines}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())

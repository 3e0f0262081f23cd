#!/usr/bin/env python3
"""Write the third-party notices: every crate that is compiled into riata's artifacts, with its licence texts.

    scripts/notices.py           write the file of each artifact
    scripts/notices.py --check   exit status 1 when one is out of date

The list comes from `cargo metadata --locked`, thus from Cargo.lock, for all supported platforms; what only builds or
tests riata is left out. The texts come from the crates' own files; those of projects whose crates have none are in
scripts/licences. A text that several crates have stands there once.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The crate of each artifact, its file, and what it is called there.
ARTIFACTS = {
    "riata_python": (
        "THIRD-PARTY-NOTICES",
        "riata contains the following third-party software, compiled into its extension module.",
    ),
    "riata_cli": (
        "crates/riata_cli/THIRD-PARTY-NOTICES",
        "riata-check contains the following third-party software, compiled into the program.",
    ),
}
TARGETS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
]
TEXTS = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")
# What is compiled in with a crate and has a licence of its own, by the name of the crate.
WITHIN = {"ty_vendored": ("vendor/typeshed/LICENSE",)}
# The texts of repositories whose crates are published without; each stands in a file once.
LICENCES = ROOT / "scripts/licences"
REPOSITORIES = {
    "https://github.com/astral-sh/ruff": "ruff",
    "https://github.com/madsmtm/objc2": "objc2",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare the files, write nothing")
    options = parser.parse_args()
    resolved = [cargo_metadata(target) for target in TARGETS]
    stale = []
    for crate, (name, header) in ARTIFACTS.items():
        notices = render(header, compiled_in(crate, resolved))
        path = ROOT / name
        if not options.check:
            path.write_text(notices, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != notices:
            stale.append(name)
    for name in stale:
        print(
            f"error: {name} does not fit Cargo.lock\nhint: `make notices` writes it anew",
            file=sys.stderr,
        )
    return 1 if stale else 0


def compiled_in(crate: str, resolved: list[dict]) -> list[dict]:
    """Return cargo's description of each third-party package that ends up in an artifact, sorted by name."""
    packages: dict[str, dict] = {}
    for metadata in resolved:
        described = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        todo = [package["id"] for package in metadata["packages"] if package["name"] == crate]
        if not todo:
            sys.exit(f"error: Cargo.toml has no package {crate}")
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


def render(header: str, packages: list[dict]) -> str:
    parts = [f"{header}\nWritten by scripts/notices.py from Cargo.lock; do not edit.\n"]
    shared: set[str] = set()
    written: dict[str, str] = {}
    for package in packages:
        where = package["repository"] or package["homepage"] or ""
        folder = Path(package["manifest_path"]).parent
        texts = sorted(path for path in folder.iterdir() if path.name.upper().startswith(TEXTS))
        parts.append(f"{'=' * 80}\n{package['name']} {package['version']}\n")
        parts.append(f"licence: {package['license'] or 'see below'}\n{where}\n")
        if not texts:
            if where not in REPOSITORIES:
                sys.exit(
                    f"error: the crate {package['name']} has no licence text\n"
                    f"hint: put that of {where} into scripts/licences, and a line into REPOSITORIES"
                )
            shared.add(where)
            parts.append(f"its text is that of {where}, at the end of this file\n")
        texts += [folder / name for name in WITHIN.get(package["name"], ())]
        for path in texts:
            if path.is_file():
                name = str(path.relative_to(folder))
                parts.append(render_text(path, name, f"{package['name']}, {name}", written))
    for where in sorted(shared):
        parts.append(f"{'=' * 80}\n{where}\n")
        parts.append(render_text(LICENCES / REPOSITORIES[where], "LICENSE", where, written))
    return "\n".join(parts)


def render_text(path: Path, name: str, whose: str, written: dict[str, str]) -> str:
    """Return a text under its name, or whose it is the same as; `written` has those that stand in the file already."""
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    first = written.setdefault(lines, whose)
    if first != whose:
        return f"{name}: the text above of {first}\n"
    return f"{'-' * 80}\n{name}\n\n{lines}\n"


if __name__ == "__main__":
    sys.exit(main())

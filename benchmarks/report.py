"""Write docs/performance.md from the raw numbers of one or more runs.

    python benchmarks/report.py RUN.json [RUN.json …] --out docs/performance.md

Without `--out` it goes to standard output. Why a bar is missed is written by hand, in `reasons.toml`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from harness import bars
from harness.document import document

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json")
    parser.add_argument("--subject", help="the loop it is about (riata)")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    runs = {shown(path): json.loads(path.read_text()) for path in options.runs}
    text = document(
        runs,
        bars.load(HERE / "bars.toml"),
        bars.load_reasons(HERE / "reasons.toml"),
        subject=options.subject,
    )
    if options.out:
        options.out.write_text(text)
    else:
        print(text, end="")


def shown(path: Path) -> str:
    """The path as a reader of the repository knows it."""
    path = path.resolve()
    root = HERE.parent
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


if __name__ == "__main__":
    main()

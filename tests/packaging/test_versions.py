"""The runtime and the checker are released together: what names a version names the same one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def table(name, title):
    """Return a table of a TOML file, as text: Python 3.10 cannot read TOML."""
    text = "\n" + (ROOT / name).read_text(encoding="utf-8")
    return text.partition(f"\n[{title}]\n")[2].partition("\n[")[0]


def test_both_packages_have_the_version_of_the_workspace():
    for name in "pyproject.toml", "crates/riata_cli/pyproject.toml":
        assert '\ndynamic = ["version"]' in table(name, "project")
    for name in "riata_python", "riata_types", "riata_check", "riata_cli":
        assert "\nversion.workspace = true\n" in table(f"crates/{name}/Cargo.toml", "package")


def test_what_installs_the_checker_wants_that_version():
    pattern = r'^version = "(.+)"$'
    versions = re.findall(pattern, table("Cargo.toml", "workspace.package"), re.MULTILINE)
    for name in "pyproject.toml", ".pre-commit-hooks.yaml", "docs/guides/checking.md":
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"riata-check==([\w.]+)", text)) == set(versions), name

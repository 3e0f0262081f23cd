"""What a reader has to know about the machine to compare numbers with other runs."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

PROBE = """
import json, platform, sys, sysconfig
flags = sysconfig.get_config_var("CONFIG_ARGS") or ""
print(json.dumps({
    "version": platform.python_version(),
    "compiler": platform.python_compiler(),
    "profile_guided": "--enable-optimizations" in flags,
    "from_distribution": sys.base_prefix == "/usr",
}))
"""


def describe_machine() -> dict[str, Any]:
    return {
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "load_average": list(os.getloadavg()),
    }


def describe_python(python: str) -> dict[str, Any]:
    """Raises:
    LookupError: there is no interpreter under that name.
    """
    try:
        done = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise LookupError(
            f"`{python}` is no Python: {error}\nhint: give `--python` the path of one"
        ) from None
    return json.loads(done.stdout)


def cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor() or platform.machine()


def machine_slug() -> str:
    """The processor's name as a piece of a folder name."""
    name = re.sub(r"\(.*?\)|\bprocessor\b|\bcpu\b", " ", cpu_model().lower())
    return re.sub(r"[^a-z0-9.]+", "-", name).strip("-")

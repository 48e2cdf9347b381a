"""``python -m tests``: every check that must pass, static ones first; extra arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports", "--no-logo"],
)


def main() -> int:
    """Runs the checks in order; returns the first exit status that is not 0."""
    scripts = Path(sys.executable).parent
    for tool, *arguments in CHECKS:
        print(f"== {tool} {' '.join(arguments)}", flush=True)
        if status := subprocess.run([scripts / tool, *arguments], cwd=ROOT).returncode:
            return status
    pytest = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *sys.argv[1:]]
    print("==", *pytest[1:], flush=True)
    # One thread each: two workers whose libraries all take both cores mostly wait for one another. Compiled modules are
    # kept, whatever the machine says: the tests start hundreds of processes.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(pytest, cwd=ROOT, env={**kept, "OMP_NUM_THREADS": "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())

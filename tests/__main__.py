"""``python -m tests``: every check that must pass, static ones first; extra arguments go to pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent
CHECKS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports", "--no-logo"],
    ["pytest", "--collect-only", "-qq"],  # whose workers then find the tests compiled
)
# One thread each: two workers whose libraries all take both cores mostly wait for one another. Compiled modules are
# kept, whatever the machine says: the tests start hundreds of processes.
KEPT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT = {**KEPT, "OMP_NUM_THREADS": "1"}


def checked(command: list[str]) -> subprocess.CompletedProcess[str]:
    """A check that has run."""
    told = [str(SCRIPTS / command[0]), *command[1:]]
    return subprocess.run(told, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)


def main() -> int:
    """Runs the static checks side by side, then pytest; returns the first exit status that is not 0."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for command, done in zip(CHECKS, pool.map(checked, CHECKS), strict=True):
            print("==", *command, flush=True)
            if done.returncode or command[0] != "pytest":
                print(done.stdout, done.stderr, sep="", end="", flush=True)
            if done.returncode:
                return done.returncode
    pytest = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *sys.argv[1:]]
    print("==", *pytest[1:], flush=True)
    return subprocess.run(pytest, cwd=ROOT, env=ENVIRONMENT).returncode


if __name__ == "__main__":
    sys.exit(main())

"""npm's tools for the checks of the page's script, installed once whoever asks first and however many ask at once."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path


def installed(tools: Path, wanted: Sequence[Path], npm: str | None = None) -> Path:
    """The ``node_modules`` of a folder with npm's ``package.json`` and lock file, with the files ``wanted`` in it.

    Processes that ask at the same time wait for one another; what is installed is moved into its place whole, so
    that one which was broken off leaves nothing behind that looks installed. Raises AssertionError where npm is not.
    """
    npm = npm or shutil.which("npm")
    if npm is None:
        raise AssertionError("the page's script is checked by TypeScript and ESLint: apt-get install npm")
    place = tools / "node_modules"
    with (tools / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        if not all((place / path).is_file() for path in wanted):
            _install(npm, tools, place)
    return place


def _install(npm: str, tools: Path, place: Path) -> None:
    # The temporary folder lies on the same disk, so that moving is one step, and git ignores it.
    with tempfile.TemporaryDirectory(dir=tools, prefix=".npm-") as folder:
        for path in tools.iterdir():
            if path.name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(path, folder)
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True)
        shutil.rmtree(place, ignore_errors=True)
        (Path(folder) / "node_modules").rename(place)

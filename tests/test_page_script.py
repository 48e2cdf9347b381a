"""The page's script: typed by JSDoc, linted, and its library the one that npm has."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
from pathlib import Path

import pytest

from complexity_theory.page import render
from tests.npm import installed

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "tests" / "page"  # package.json and the configurations
SCRIPTS = Path(render.__file__).parent / "script"

# By their files, not by npm's links in .bin, which a copy of a folder need not carry.
CHECKER = Path("typescript", "bin", "tsc")
LINTER = Path("eslint", "bin", "eslint.js")


@pytest.fixture(scope="module")
def tools() -> Path:
    """Where npm's tools are, installed as the lock file says."""
    return installed(TOOLS, (CHECKER, LINTER))


# Stands for npm: slow, refuses a folder that has something in it already, and counts its calls.
FAKE = """#!/bin/sh
set -e
echo call >> "{calls}"
mkdir node_modules
sleep 0.3
echo tool > node_modules/tool
"""


def test_tools_are_installed_once_by_processes_at_the_same_time(tmp_path: Path) -> None:
    npm, calls, folder = tmp_path / "npm", tmp_path / "calls", tmp_path / "tools"
    npm.write_text(FAKE.format(calls=calls))
    npm.chmod(0o755)
    (folder / "node_modules").mkdir(parents=True)
    (folder / "node_modules" / "broken-off").touch()
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_text("{}")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        found = pool.starmap(installed, [(folder, [Path("tool")], str(npm))] * 4)
    assert found == [folder / "node_modules"] * 4
    assert calls.read_text() == "call\n"
    assert sorted(path.name for path in folder.iterdir()) == ["node_modules", "package-lock.json", "package.json"]
    assert [path.name for path in (folder / "node_modules").iterdir()] == ["tool"]


def complaints(tools: Path, scripts: Path, folder: Path) -> list[str]:
    """What the type checker and the linter say of scripts; ``folder``: for the checker's configuration."""
    config = folder / "tsconfig.json"
    config.write_text(
        f'{{"extends": "{TOOLS / "tsconfig.json"}", "files": ["{tools}/uplot/dist/uPlot.d.ts"], '
        f'"include": ["{scripts}/*.js"]}}'
    )
    typed = ["node", tools / CHECKER, "--project", config, "--pretty", "false"]
    linted = ["node", tools / LINTER, "--config", TOOLS / "eslint.config.mjs", "--format", "json", scripts]
    found = []
    for command in (typed, linted):
        done = subprocess.run(command, cwd=scripts, capture_output=True, text=True)
        if done.returncode:
            found.append(done.stdout + done.stderr)
    return found


def test_the_script_is_typed_and_linted(tools: Path, tmp_path: Path) -> None:
    assert complaints(tools, SCRIPTS, tmp_path) == []


def test_the_checks_can_fail(tools: Path, tmp_path: Path) -> None:
    broken = tmp_path / "script"
    shutil.copytree(SCRIPTS, broken)
    with (broken / "text.js").open("a") as file:
        file.write('var twice = whole("2");\n')
    typed, linted = complaints(tools, broken, tmp_path)
    assert "error TS2345" in typed
    assert "no-var" in linted


def test_the_library_is_the_one_that_npm_has(tools: Path) -> None:
    for name in ("uPlot.iife.min.js", "uPlot.min.css"):
        assert (render.LIBRARY.parent / name).read_bytes() == (tools / "uplot" / "dist" / name).read_bytes()


def test_every_script_is_in_the_page() -> None:
    assert sorted(render.SCRIPTS) == sorted(path.stem for path in SCRIPTS.glob("*.js"))


def test_no_script_is_long() -> None:
    assert max(len(path.read_text().splitlines()) for path in SCRIPTS.glob("*.js")) <= 400

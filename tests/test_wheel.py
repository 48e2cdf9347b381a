"""A wheel holds all that the package needs, away from the checkout; the reference has every public name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import complexity_theory as ct
from complexity_theory.figures.catalogue import FIGURES

pytestmark = pytest.mark.xdist_group("wheel")  # one is built for all of them
ROOT = Path(__file__).resolve().parents[1]


def _done(command: list[str], folder: Path, path: Path | None = None) -> str:
    """What a command prints, run in ``folder``; raises if it fails. ``path``: where packages are looked for first."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {} if path is None else {"PYTHONPATH": str(path)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as a wheel installs it, built from the files of the repository alone."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in _done(listed, ROOT).split("\0"):
        file = ROOT / name
        if name.startswith(("complexity_theory", "figures/data", "pyproject", "README", "LICENSE")) and file.exists():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.is_symlink():
                target.symlink_to(file.readlink())
            else:
                target.write_bytes(file.read_bytes())
    wheel = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-q", "-w", str(made)]
    _done(wheel, source)
    (file,) = made.glob("*.whl")
    with zipfile.ZipFile(file) as content:
        content.extractall(made)
    return made


def test_the_installed_package_runs_away_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import complexity_theory as ct; print(ct.__file__); print(ct.count('ResNet-18').flops); dir(ct)"
    where, flops = _done([sys.executable, "-c", code], tmp_path, installed).split()
    assert where.startswith(str(installed))
    assert int(flops) == ct.count("ResNet-18").flops
    assert (installed / "complexity_theory" / "py.typed").exists()
    assert (installed / "complexity_theory" / "__init__.pyi").exists()


COMMANDS = [
    "tables simple",
    "predict ResNet-18 --device v100-training",
    "runtime fit v100-training -o mine.toml",
    "explore ResNet-18 --device v100-training -o page.html",
    "figures runtime_v100_training ranking",
]
RUN = """
import sys
from complexity_theory.cli import main
from complexity_theory.measurement.studies import load_study
assert load_study("scaling-quick").jobs
for command in sys.argv[1:]:
    try:
        main(command.split())
    except SystemExit as ended:
        assert not ended.code, command
"""


def test_commands_find_their_files(installed: Path, tmp_path: Path) -> None:
    _done([sys.executable, "-c", RUN, *COMMANDS], tmp_path, installed)
    assert (tmp_path / "figures" / "ranking.svg").exists()
    assert (tmp_path / "page.html").exists()


def test_the_data_of_every_figure_are_in_the_wheel(installed: Path) -> None:
    kept = {file.stem for file in (installed / "complexity_theory" / "figures" / "kept").glob("*.csv")}
    assert kept == set(FIGURES)


def _sections(page: Path) -> set[str]:
    return set(re.findall(r'<(?:section|div) id="([\w.]+)"', page.read_text(encoding="utf-8")))


def test_the_reference_of_the_readme_has_every_public_name_and_what_verbs_return(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"&& \.venv/bin/pdoc -o api (.*)", readme)
    _done([sys.executable, "-W", "ignore", "-m", "pdoc", "-o", str(tmp_path), *line.split()], ROOT, ROOT)
    found = _sections(tmp_path / "complexity_theory.html")
    assert set(ct.__all__) <= found
    assert "no_such_name" not in found
    pages = tmp_path / "complexity_theory" / "verbs"
    for room, fields in {"scaling": {"Scaled.network", "Scaled.deviation"}, "timing": {"Predicted.seconds"}}.items():
        assert fields <= _sections(pages / f"{room}.html")

"""The house stands: floors, start-up, what CI must have installed."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import complexity_theory

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(complexity_theory.__file__).parent
HEAVY = {"torch", "ray", "sympy", "scipy", "pandas", "matplotlib", "plotly", "IPython"}


def _floors(folder: Path) -> subprocess.CompletedProcess[str]:
    lint = "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    return subprocess.run([sys.executable, "-c", lint], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("graph/operations/__init__.py", "from complexity_theory.scaling import strategy"),
        ("zoo/entry.py", "import complexity_theory.scaling.strategy"),
        ("devices/features.py", "import torch"),
    ],
)
def test_the_check_of_the_floors_can_fail(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "complexity_theory", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    sound = _floors(tmp_path)
    assert sound.returncode == 0, sound.stdout
    file = tmp_path / "complexity_theory" / module
    file.write_text(file.read_text() + f"\n{line}\n")
    broken = _floors(tmp_path)
    assert broken.returncode == 1, broken.stdout


def _loaded(code: str, libraries: set[str] = HEAVY) -> set[str]:
    """The heavy libraries that are loaded once ``code`` has run in a fresh interpreter."""
    report = f"import sys, json; print(json.dumps(sorted({libraries!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


HELP = """
import contextlib, io, sys
sys.argv = ["complexity-theory", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    from complexity_theory.cli import main
    main()
"""


def test_import_loads_nothing_heavy() -> None:
    assert _loaded("import complexity_theory") == set()


def test_help_loads_nothing_heavy() -> None:
    assert _loaded(HELP) == set()


def test_help_does_without_numpy() -> None:
    assert "numpy" not in _loaded(HELP, {"numpy"})


def test_counting_loads_neither_torch_nor_sympy() -> None:
    code = "from complexity_theory.zoo import network; network('RegNetY-4.0GF').complexity()"
    assert _loaded(code) == set()


def test_the_check_of_what_is_loaded_can_fail() -> None:
    assert _loaded("import sympy") == {"sympy"}


@pytest.mark.parametrize("library", ["torch", "ray", "fvcore", "ptflops", "torchinfo", "hypothesis", "nbclient"])
def test_nothing_is_left_out_in_silence(library: str) -> None:
    assert importlib.metadata.version(library)


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_every_name_of_the_package_is_there() -> None:
    assert all(getattr(complexity_theory, name) for name in complexity_theory.__all__)
    assert not hasattr(complexity_theory, "no_such_name")

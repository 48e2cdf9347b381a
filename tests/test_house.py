"""The house stands: floors, start-up, what CI must have installed."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
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


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import one another, directly or by way of others: each such group, sorted."""
    reached: dict[str, set[str]] = {}
    for start in imports:
        found, todo = set[str](), [start]
        while todo:
            for module in imports.get(todo.pop(), ()):
                if module not in found:
                    found.add(module)
                    todo.append(module)
        reached[start] = found
    groups = {frozenset({a} | {b for b in reached[a] if a in reached.get(b, ())}) for a in imports if a in reached[a]}
    return sorted(sorted(group) for group in groups)


def test_no_two_files_import_each_other() -> None:
    graph = grimp.build_graph("complexity_theory", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 100
    assert circles(imports) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]


LONGEST = 400  # lines of a file: one subject


def test_no_file_is_long() -> None:
    files = [path for folder in (PACKAGE, ROOT / "tests") for path in folder.rglob("*.py")]
    long = {path.name for path in files if len(path.read_text().splitlines()) > LONGEST}
    assert len(files) > 150
    assert long == set()


def test_bad_input_is_one_class_from_one_place() -> None:
    homes = set()
    for path in PACKAGE.rglob("*.py"):
        for line in path.read_text().splitlines():
            if found := re.match(r"\s*from (\S+) import .*\bInvalidInput\b", line):
                homes.add(found[1])
    assert homes == {"complexity_theory.core.errors"}


def meanings(files: dict[str, str]) -> dict[str, list[str]]:
    """The files (names to source) that define a public class, or an alias of types, by its name."""
    found: dict[str, list[str]] = {}
    for file, source in files.items():
        for node in ast.parse(source).body:
            alias = isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation)
            name = node.name if isinstance(node, ast.ClassDef) else ast.unparse(node.target) if alias else "_"
            if not name.startswith("_"):
                found.setdefault(name, []).append(file)
    return found


def test_a_type_has_one_meaning() -> None:
    files = {str(path.relative_to(PACKAGE)): path.read_text() for path in PACKAGE.rglob("*.py")}
    # torch has no module for these operations: ours are called as what they compute.
    del files["measurement/modules.py"]
    found = meanings(files)
    assert len(found) > 200
    assert {name: homes for name, homes in found.items() if len(homes) > 1} == {}
    twice = meanings({"a": "class Row: ...", "b": "Row: TypeAlias = int", "c": "row = 1", "d": "class _Row: ..."})
    assert twice == {"Row": ["a", "b"]}


def floors_of_readme(text: str) -> list[list[str]]:
    """The rooms of the README's map, floor by floor from the top."""
    rows = re.findall(r"^\| \d+ \| (.*?) \|", text, re.MULTILINE)
    return [sorted(re.findall(r"`(\w+)/`", row)) for row in rows]


def test_the_readmes_map_is_the_tree_and_its_floors() -> None:
    mapped = floors_of_readme((ROOT / "README.md").read_text())
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {room for floor in mapped for room in floor} == rooms
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = config["importlinter:contract:floors"]["layers"].split("\n")
    assert mapped == [
        sorted(room.strip().removeprefix("complexity_theory.") for room in layer.split("|"))
        for layer in layers
        if layer
    ]
    assert floors_of_readme("| 3 | `b/`, `a/` | text |") == [["a", "b"]]


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

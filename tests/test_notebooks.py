"""The notebooks run without warnings and say what they say in the repository."""

from __future__ import annotations

import copy
import re

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from complexity_theory.core.report import Table
from tests.notebooks import FOLDER, MEASURED, NAMES, execute, printed, read, tidied

SMALL = "import complexity_theory.measurement.jobs as jobs\njobs._SIDES['cpu'] = dict(matmul=64, copy=64)"
NO_TORCH = "import sys\nassert 'torch' not in sys.modules"


def test_all_notebooks_are_there() -> None:
    assert [name[:2] for name in NAMES] == ["01", "02", "03", "04", "05", "06", "07"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_says_what_it_says_in_the_repository(name: str) -> None:
    notebook = read(name)
    executed = execute(notebook, prologue=SMALL) if name in MEASURED else execute(notebook, NO_TORCH)
    assert not [text for cell in printed(executed) for text in cell if text.startswith("stderr")]
    if name not in MEASURED:
        assert printed(executed) == printed(notebook), "if this is right: python -m tests.notebooks --write"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_kept_executed_and_tidy(name: str) -> None:
    notebook = read(name)
    assert notebook == tidied(notebook)
    assert any(printed(notebook))


@pytest.mark.parametrize("name", NAMES)
def test_links_of_a_notebook_lead_somewhere(name: str) -> None:
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if not target.startswith("http")]
    assert [target for target in targets if not (FOLDER / target).exists()] == []


def _notebook(*sources: str) -> NotebookNode:
    return new_notebook(cells=[new_code_cell(source) for source in sources])


@pytest.mark.parametrize("source", ["1 / 0", "import warnings\nwarnings.warn('old', DeprecationWarning)"])
def test_an_error_or_a_warning_fails_a_notebook(source: str) -> None:
    with pytest.raises(CellExecutionError):
        execute(_notebook(source))


def test_an_import_of_torch_is_noticed() -> None:
    with pytest.raises(CellExecutionError):
        execute(_notebook("import sys, types\nsys.modules['torch'] = types.ModuleType('torch')"), NO_TORCH)


def test_the_comparison_can_fail() -> None:
    executed = execute(_notebook("print('one')\n2"))
    assert printed(executed) == [["stdout: one\n", "2"]]
    other = copy.deepcopy(executed)
    other.cells[0].outputs[1].data["text/plain"] = "3"
    assert printed(other) != printed(executed)


def test_a_text_that_arrives_in_pieces_is_one() -> None:
    notebook = _notebook("for i in range(3):\n    print(i, flush=True)")
    pieces = [("stdout", "0\n"), ("stdout", "1\n"), ("stderr", "old"), ("stdout", "2\n")]
    notebook.cells[0].outputs = [new_output("stream", name=name, text=text) for name, text in pieces]
    assert printed(tidied(notebook)) == [["stdout: 0\n1\n", "stderr: old", "stdout: 2\n"]]
    assert printed(execute(notebook)) == [["stdout: 0\n1\n2\n"]]


def test_a_notebook_shows_a_table_as_a_table_once() -> None:
    executed = execute(_notebook("from complexity_theory.core.report import Table\nTable([{'s': 2}])"))
    table = Table([{"s": 2}])
    assert printed(executed) == [[table._repr_mimebundle_()["text/markdown"]]]

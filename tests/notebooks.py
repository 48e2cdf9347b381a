"""The notebooks: executed, compared, rewritten (``python -m tests.notebooks [--write] [NAME]...``)."""

from __future__ import annotations

import copy
import sys
import tempfile
from pathlib import Path

import matplotlib.font_manager
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.ipynb")))
MEASURED = ("03_measure",)  # its numbers are those of the machine, and of the moment
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TEXTS = ("text/markdown", "text/plain")  # what is compared of an output: the first of these that it has


def path_of(name: str) -> Path:
    """The file of a notebook."""
    return FOLDER / f"{name}.ipynb"


def read(name: str) -> NotebookNode:
    """A notebook as it is in the repository."""
    return nbformat.read(path_of(name), as_version=4)


def execute(notebook: NotebookNode, epilogue: str = "pass", prologue: str = "pass") -> NotebookNode:
    """A copy with the outputs of now, with warnings as errors; raises nbclient's CellExecutionError where a cell fails.

    ``epilogue`` is code that runs at the end, and leaves no trace but such an error; ``prologue`` runs before all.
    """
    assert matplotlib.font_manager.fontManager.ttflist  # a new machine lists its fonts, and says so: not in a notebook
    executed = copy.deepcopy(notebook)
    first = new_code_cell(f"{prologue}\nimport warnings\nwarnings.simplefilter('error')")
    last = new_code_cell(f"{epilogue}\nwarnings.simplefilter('default')")
    executed.cells = [first, *executed.cells, last]
    with tempfile.TemporaryDirectory() as folder:
        # By files, for two kernels that start at once may choose the same free port.
        files = {"transport": "ipc", "ip": str(Path(folder) / "kernel")}
        NotebookClient(
            executed,
            config=Config(KernelManager=files),
            timeout=300,
            startup_timeout=300,
            kernel_name="python3",
            shutdown_kernel="immediate",
            resources={"metadata": {"path": FOLDER}},
        ).execute()
    executed.cells = executed.cells[1:-1]
    return tidied(executed)


def tidied(notebook: NotebookNode) -> NotebookNode:
    """A copy without what differs from run to run: ids, times, counts of execution, pieces in which a text arrives."""
    tidy = copy.deepcopy(notebook)
    tidy.metadata = nbformat.from_dict(METADATA)
    number = 0
    for index, cell in enumerate(tidy.cells, 1):
        cell.id, cell.metadata = f"cell-{index:02}", NotebookNode()
        if cell.cell_type == "code":
            number += 1
            cell.execution_count = number
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = number
    return tidy


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs with neighbours of one stream made one: a kernel sends what is printed whenever its clock says so."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and "stream" == output.output_type == joined[-1].output_type and output.name == joined[-1].name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def printed(notebook: NotebookNode) -> list[list[str]]:
    """The texts that each code cell shows, and the names of what else it shows."""
    return [[_text(output) for output in cell.outputs] for cell in notebook.cells if cell.cell_type == "code"]


def _text(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"{output.name}: {output.text}"
    return next((output.data[kind] for kind in TEXTS if kind in output.data), ", ".join(output.data))


def main() -> None:
    """Executes notebooks and prints which say something else now; ``--write`` keeps the outputs of now.

    Without names: all but those that measure.
    """
    names = [argument for argument in sys.argv[1:] if argument != "--write"]
    for name in names or [name for name in NAMES if name not in MEASURED]:
        notebook = read(name)
        executed = execute(notebook)
        print(f"{name}: {'as it was' if printed(executed) == printed(notebook) else 'other outputs'}")
        if "--write" in sys.argv[1:]:
            nbformat.write(executed, path_of(name))


if __name__ == "__main__":
    main()

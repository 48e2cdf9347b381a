"""Commands of the front door: figures, paper."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.figures.paper import Step

OutputOption = Annotated[Path, typer.Option("--output", help="Folder to write into.")]
TablesOption = Annotated[
    Path | None,
    typer.Option(
        "--tables",
        envvar="COMPLEXITY_THEORY_TABLES",
        help="Folder of timm's benchmark CSV files (default: ../shared/data/timm beside the checkout, where it is). "
        "Without it, figures of those tables are drawn from the data kept with them.",
    ),
]

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="A file of measurements (`measure device`, `measure scaling`).")
]


def figures(
    names: Annotated[list[str] | None, typer.Argument(help="Names of figures (default: all).")] = None,
    output: OutputOption = Path("figures"),
    tables: TablesOption = None,
    store: StoreOption = None,
) -> None:
    """Draw figures, each as SVG and PNG with its data as CSV."""
    from complexity_theory.figures.catalogue import find
    from complexity_theory.figures.paper import figure_steps
    from complexity_theory.figures.registry import Sources

    _work(figure_steps(find(names or []), output, Sources(tables=_folder(tables), store=store)))


def paper(
    output: OutputOption = Path("figures"),
    tables: TablesOption = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure this machine anew (minutes).")] = False,
    store: StoreOption = None,
) -> None:
    """Everything at once: the tables, their verification, a page to explore and all figures, with a page of them all.

    Exits 1 if the verification fails.
    """
    from complexity_theory.figures.paper import paper_steps
    from complexity_theory.figures.registry import Sources

    folder = _folder(tables)
    if measure and store is not None:
        raise InvalidInput(f"--measure makes a store of its own: not with --store {store}")
    store = _measured(output / "sweep.sqlite") if measure else store
    passed = _work(paper_steps(output, Sources(tables=folder, store=store), [_explorer(output)]))
    typer.echo(output / "README.md")
    raise typer.Exit(0 if passed else 1)


def _explorer(folder: Path) -> Step:
    """The step that writes the explorer of the paper's networks."""
    from complexity_theory import zoo
    from complexity_theory.core import files
    from complexity_theory.devices.profile import load
    from complexity_theory.figures.paper import EXPLORER, Outcome, Step
    from complexity_theory.page import explore as page

    def run() -> Outcome:
        networks = [(name, zoo.find(name)) for name in page.NETWORKS]
        written = page.explore(networks, [load(name) for name in page.DEVICES])
        files.write(folder / EXPLORER, written, mark=files.MADE)
        return Outcome(f"{EXPLORER}: {len(networks)} networks")

    return Step("the explorer", run)


def _measured(store: Path) -> Path:
    """The file of a quick sweep of this machine, run anew by the command that does so, with its own progress.

    It is measured beside the file of an earlier run, which it replaces at the end. Raises InvalidInput where there is a
    file that is something else.
    """
    from complexity_theory.measurement import store as stores
    from complexity_theory.measurement.paths import own_path
    from complexity_theory.measurement.studies import load

    if store.exists() and not stores.holds_only(store, load("scaling-quick").jobs):
        raise InvalidInput(f"{store} holds other measurements than this command makes, and is left as it is: move it")
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"cannot write into {store.parent}: {error.strerror}") from None
    anew = store.with_name(f".{store.stem}-{os.getpid()}{store.suffix}")
    sweep = [sys.executable, "-m", "complexity_theory", "measure", "scaling", "--quick", "--store", str(anew)]
    where = {"PYTHONPATH": os.pathsep.join(own_path()), "PYTHONSAFEPATH": "1"}
    try:
        if status := subprocess.run(sweep, stdout=subprocess.DEVNULL, env={**os.environ, **where}).returncode:
            raise typer.Exit(status)
        if store.exists():
            stores.Store(store).close()  # what a killed process has left beside it would be taken for the new one's
        anew.replace(store)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{anew}{suffix}").unlink(missing_ok=True)
    return store


def _folder(tables: Path | None) -> Path | None:
    """The folder of tables that was asked for, or the one beside the checkout, or None."""
    from complexity_theory.figures.registry import CHECKOUT

    if tables is not None and not tables.is_dir():
        raise InvalidInput(f"no folder of tables at {tables}")
    beside = CHECKOUT.parents[1] / "shared" / "data" / "timm"
    return tables or (beside if beside.is_dir() else None)


def _work(steps: list[Step]) -> bool:
    """Runs the steps and returns whether every check passed; a bar in a terminal, a line for each step otherwise."""
    from rich.console import Console
    from rich.progress import Progress

    console, passed = Console(stderr=True), True
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(steps))
        for step in steps:
            progress.update(task, description=step.title)
            outcome = step.run()
            console.print(outcome.said, soft_wrap=True, markup=False, highlight=False)
            progress.advance(task)
            passed = passed and outcome.passed
    return passed


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(figures)
    app.command()(paper)

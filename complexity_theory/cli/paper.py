"""Commands of the front door: figures, paper."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from complexity_theory.cli.app import PAPER, App
from complexity_theory.cli.options import OUTPUT, network_names, strategy_names
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.figures.paper import PaperStep

FolderOption = Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Folder to write into.")]
TablesOption = Annotated[
    Path | None,
    typer.Option(
        "--tables",
        envvar="COMPLEXITY_THEORY_TABLES",
        help="Folder of timm's benchmark CSV files (default: ../shared/data/timm beside the checkout, where it is). "
        "Without it, figures of those tables are drawn from the data kept with them.",
    ),
]

SweepStoreOption = Annotated[
    Path | None, typer.Option("--store", help="A file of measurements (`measure device`, `measure scaling`).")
]


def figures(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names of figures (default: all).")
    ] = None,
    form: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="pdf|svg|png", help="May be repeated; default: svg and png.", rich_help_panel=OUTPUT
        ),
    ] = None,
    networks: Annotated[
        list[str] | None,
        typer.Option(metavar="NETWORK", help="Instead of the paper's; may be repeated.", autocompletion=network_names),
    ] = None,
    strategies: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRATEGY", help="Instead of the paper's; may be repeated.", autocompletion=strategy_names
        ),
    ] = None,
    output: FolderOption = Path("figures"),
    tables: TablesOption = None,
    store: SweepStoreOption = None,
) -> None:
    """Draw figures, each with its data as CSV; without options of their own also the page that shows them all.

    Those of networks and strategies (effective_exponents, realised, four_strategies, alpha, strategies) take others.
    """
    from complexity_theory.figures import paper, style
    from complexity_theory.figures.catalogue import find
    from complexity_theory.figures.registry import USUAL_FORMS, Sources
    from complexity_theory.figures.verb import chosen
    from complexity_theory.verbs import resolve

    specs, sources = find(names or []), Sources(tables=_folder(tables), store=store)
    if not (form or networks or strategies):
        _work(paper.figure_steps(specs, output, sources))
        return
    forms = [resolve.choice(each, "form of a figure", list(style.FORMS)) for each in form or USUAL_FORMS]
    wanted = [(spec, chosen(spec, networks or None, strategies or None)) for spec in specs]
    _work(paper.drawing_steps(wanted, output, sources, forms))


def paper(
    output: FolderOption = Path("figures"),
    tables: TablesOption = None,
    measure: Annotated[bool, typer.Option("--measure", help="Measure this machine anew (minutes).")] = False,
    store: SweepStoreOption = None,
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


def _explorer(folder: Path) -> PaperStep:
    """The step that writes the explorer of the paper's networks."""
    from complexity_theory.figures.paper import EXPLORER, PaperStep, StepOutcome
    from complexity_theory.page import verb

    def run() -> StepOutcome:
        page = verb.explore()
        page.write(folder / EXPLORER)
        return StepOutcome(f"{EXPLORER}: {', '.join(page.networks)}")

    return PaperStep("the explorer", run)


def _measured(store: Path) -> Path:
    """The file of a quick sweep of this machine, run anew by the command that does so, with its own progress.

    It is measured beside the file of an earlier run, which it replaces at the end. Raises InvalidInput where there is a
    file that is something else.
    """
    from complexity_theory.measurement import store as stores
    from complexity_theory.measurement.paths import own_path
    from complexity_theory.measurement.studies import load_study

    if store.exists() and not stores.holds_only(store, load_study("scaling-quick").jobs):
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


def _work(steps: list[PaperStep]) -> bool:
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


def register(app: App) -> None:
    """Adds the commands of this module."""
    app.command(
        panel=PAPER,
        examples=[
            "figures ranking --output here",
            "figures realised --networks ResNet-50 --strategies w --strategies dWr --format pdf --output here",
        ],
    )(figures)
    app.command(panel=PAPER, examples=["paper", "paper --measure --output here"])(paper)

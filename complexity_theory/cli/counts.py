"""Commands of the front door: exact counts, the known networks, and the verification against PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from complexity_theory.cli.app import NETWORKS, THEORY, App
from complexity_theory.cli.options import Format, FormatOption, InputOption, NetworkArgument, ResolutionOption
from complexity_theory.cli.printing import show


def register(app: App) -> None:
    """Adds the commands of this module."""
    examples = [
        "count EfficientNet-B0",
        "count resnet50 --per-layer",
        "count ResNet-50 --convention all",
        "count timm:resnet50 --input 3x192x192",
    ]
    app.command(panel=NETWORKS, examples=examples)(count)
    app.command(panel=NETWORKS, examples=["networks", "networks --family RegNetY"])(networks)
    app.command(panel=THEORY, examples=["verify", "verify --timed measurements.sqlite"])(verify)


def count(
    network: NetworkArgument,
    resolution: ResolutionOption = None,
    given: InputOption = None,
    per_layer: Annotated[bool, typer.Option("--per-layer", help="By stage, block and layer, with subtotals.")] = False,
    convention: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="As pycls (the default), fvcore, torch, ptflops, torchinfo or thop counts; or as all do.",
        ),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """The exact flops (multiply-adds), params and acts of a network for one image.

    products: multiply-adds of matrix products and attention, which are not in the flops.
    """
    from complexity_theory.verbs import counting

    show(counting.count(network, resolution=resolution, input=given, convention=convention, per_layer=per_layer), form)


def networks(
    family: Annotated[str | None, typer.Option(metavar="FAMILY", help="Only the networks of one family.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """The known networks with their counts at their own resolution, and the other names they go by."""
    from complexity_theory.verbs import counting

    show(counting.list_networks(family), form)


def verify(
    timed: Annotated[
        Path | None,
        typer.Option(metavar="STORE", help="Print the measured exponents of runtime in this store as well."),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """Hold every row of every table to symbols and to real PyTorch layers. Exits 1 if any fails.

    With --timed, the exponents of runtime that `measure scaling` found stand beside those of flops and acts.
    """
    from complexity_theory.scaling.tables import TABLES
    from complexity_theory.verbs import verifying

    rows = sum(len(table.strategies) for table in TABLES.values())
    found = verifying.verified(lambda pairs: _shown(pairs, rows), timed)
    show(found, form)
    raise typer.Exit(1 if found.failed else 0)


def _shown(pairs: Iterable[Any], total: int) -> Iterator[Any]:
    """The rows, with progress on standard error: a bar in a terminal, a line each otherwise."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verify", total=total)
        for done, (table, verification) in enumerate(pairs, 1):
            label = f"{table}: {verification.row.strategy}"
            progress.update(task, description=label, completed=done)
            if not console.is_terminal:
                console.print(f"{done}/{total} {label}", markup=False, highlight=False)
            yield table, verification

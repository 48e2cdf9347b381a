"""Commands of the front door: exact counts, the known networks, and the verification against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from complexity_theory.cli.options import (
    NETWORK_HELP,
    Format,
    FormatOption,
    InputOption,
    ResolutionOption,
    is_code,
    need_torch,
    network_of,
    shown_sides,
)
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.graph.complexity import Shape
    from complexity_theory.graph.conventions import Convention
    from complexity_theory.networks.spec import Network

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(count)
    app.command()(networks)
    app.command()(verify)


def count(
    network: Annotated[str, typer.Argument(help=NETWORK_HELP)],
    resolution: ResolutionOption = None,
    given: InputOption = None,
    per_layer: Annotated[bool, typer.Option("--per-layer", help="By stage, block and layer, with subtotals.")] = False,
    convention: Annotated[
        str | None,
        typer.Option(help="As pycls (the default), fvcore, torch, ptflops, torchinfo or thop counts; or as all do."),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """The exact flops (multiply-adds), params and acts of a network for one image.

    products: multiply-adds of matrix products and attention, which are not in the flops.
    """
    from complexity_theory.core import report
    from complexity_theory.graph import conventions

    if is_code(network) and convention in (None, "pycls"):
        _count_code(network, given, per_layer, form)
        return
    found = network_of(network, resolution, given)
    shape = found.input()
    if convention == "all":
        if per_layer:
            raise InvalidInput("--per-layer takes one convention, not all")
        rows = [_counted(found, shape, rule) for rule in conventions.CONVENTIONS.values()]
        report.emit(
            form, [report.Table([_shown_row(r) for r in rows], "Acts are pycls's where a tool counts none")], rows
        )
        return
    rule = conventions.convention(convention or "pycls")
    counted = _counted(found, shape, rule, told=convention is not None)
    if per_layer:
        _print_layers(found, shape, rule, counted, form)
    else:
        report.emit(form, [report.Table([_shown_row(counted)])], counted)


def _counted(network: Network, shape: Shape, rule: Convention, *, told: bool = True) -> dict[str, Any]:
    """The counts with what must be said of them: the convention (where ``told``), and the network's own note."""
    total = rule.total(network.tree, shape)
    row = {"network": network.name, "resolution": network.resolution, **total.as_dict(), "products": total.products}
    row |= {"convention": rule.name, "counts": rule.counts} if told else {}
    return row | ({"note": network.note} if network.note else {})


def _count_code(text: str, given: str | None, per_layer: bool, form: Format) -> None:
    """Counts a module as it stands: it need not be a network that can be traced."""
    need_torch()
    from complexity_theory.core import report
    from complexity_theory.measurement import code
    from complexity_theory.measurement.count import breakdown, count

    module, sides = code.module_of(text), code.input_of(text, given)
    total = count(module, sides)
    counted = {"network": text, "input": "x".join(map(str, sides)), **total.as_dict(), "products": total.products}
    if not per_layer:
        report.emit(form, [report.Table([counted])], counted)
        return
    rows = [
        {
            "layer": row.name or "(the module itself)",
            "kind": row.kind,
            "output": "x".join(map(str, row.output or ())),
            "calls": row.calls,
            **row.complexity.as_dict(),
            "products": row.complexity.products,
        }
        for row in breakdown(module, sides)
        if any(row.complexity.as_dict().values()) or row.complexity.products
    ]
    title = f"{text} at {counted['input']}; what costs nothing is left out"
    report.emit(form, [report.Table([*rows, {"layer": "total", **counted}], title)], {**counted, "layers": rows})


def _shown_row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"resolution": shown_sides(row["resolution"])}


def _print_layers(network: Network, shape: Shape, rule: Convention, counted: dict[str, Any], form: Format) -> None:
    from complexity_theory.core import report
    from complexity_theory.graph import per_layer

    parts = per_layer.per_layer(network.tree, shape, rule)
    total = rule.total(network.tree, shape)
    title = f"{network.name} at {shape}, as {rule.name} counts; what costs nothing is left out. {network.note}".strip()
    table = per_layer.as_report(parts, total, title, indent=form == Format.text)
    report.emit(form, [table], {**counted, "layers": per_layer.as_data(parts, total)})


def networks(
    family: Annotated[str | None, typer.Option(help="Only the networks of one family.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """The known networks with their counts at their own resolution, and the other names they go by."""
    from complexity_theory import zoo
    from complexity_theory.core import report

    rows = []
    for name in zoo.names(family):
        network = zoo.network(name)
        sizes = {"network": name, "family": network.family, "resolution": network.resolution}
        rows.append({**sizes, **network.complexity().as_dict(), "aliases": zoo.aliases(name), "note": network.note})
    shown = [row | {"aliases": ", ".join(row["aliases"])} for row in rows]
    report.emit(form, [report.Table(shown)], rows)


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
    if find_spec("torch") is None:
        raise InvalidInput("verify needs PyTorch: pip install 'complexity-theory[measure]'")
    from complexity_theory.core import report
    from complexity_theory.measurement import verify as verification
    from complexity_theory.scaling.tables import TABLES

    exponents = [] if timed is None else _measured_exponents(timed)
    rows = sum(len(table.strategies) for table in TABLES.values())
    found = list(_shown(verification.verify_tables(), rows, lambda pair: f"{pair[0]}: {pair[1].row.strategy}"))
    data: dict[str, Any] = verification.as_data(found)
    tables = [verification.as_report(found)]
    if timed is not None:
        from complexity_theory.measurement.analysis import exponents_report

        data |= {"timed": exponents}
        tables.append(exponents_report(exponents))
    report.emit(form, tables, data)
    raise typer.Exit(1 if data["failed"] else 0)


def _measured_exponents(store: Path) -> list[dict[str, Any]]:
    from complexity_theory.measurement.analysis import measured_exponents, records
    from complexity_theory.measurement.store import read

    return records(measured_exponents(read(store)))


def _shown(items: Iterable[T], total: int, label: Callable[[T], str]) -> Iterator[T]:
    """The items, with progress on standard error: a bar in a terminal, a line each otherwise."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verify", total=total)
        for done, item in enumerate(items, 1):
            progress.update(task, description=label(item), completed=done)
            if not console.is_terminal:
                console.print(f"{done}/{total} {label(item)}", markup=False, highlight=False)
            yield item

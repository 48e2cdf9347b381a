"""Commands of the front door: networks scaled to be built, and handed to other libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import (
    NETWORK_HELP,
    Format,
    FormatOption,
    InputOption,
    ResolutionOption,
    TargetOption,
    network_of,
    shown_sides,
)
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.core.report import Table
    from complexity_theory.scaling.realise import Scaled

NetworkArgument = Annotated[str, typer.Argument(help=NETWORK_HELP)]
FactorOption = Annotated[float | None, typer.Option(help="Scaling factor, in the strategy's own shares of flops.")]
RULE_HELP = "pycls (the default), pow2-groups, fine or efficientnet."
RoundingOption = Annotated[str | None, typer.Option(metavar="RULE", help=f"Rule that rounds the sizes: {RULE_HELP}")]
MultipliersOption = Annotated[
    str | None,
    typer.Option(metavar="MULTIPLIERS", help="Of d, w, g, r, instead of strategy and factor: d1.4_w1.2_r300/224."),
]
FixOption = Annotated[
    str | None, typer.Option(metavar="PATTERNS", help="Sizes that stay: head,stem*,stage1.width (see scale's JSON).")
]
OnlyOption = Annotated[str | None, typer.Option(metavar="PATTERNS", help="The sizes that alone move.")]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write to.")]
WARN_BEYOND = 0.03  # relative deviation of the flops from a target
STRATEGY_HELP = "d, w, r, dw, dr, wr, dwr, dWr, fast:0.6, or weights as d1_w8_g8_r1."


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(scale)
    app.command()(export)


def scale(
    network: NetworkArgument,
    strategy: Annotated[str | None, typer.Option(help=STRATEGY_HELP)] = None,
    factor: FactorOption = None,
    target_flops: TargetOption = None,
    multipliers: MultipliersOption = None,
    rounding: RoundingOption = None,
    resolution: ResolutionOption = None,
    given: InputOption = None,
    fix: FixOption = None,
    only: OnlyOption = None,
    output: OutputOption = None,
    form: FormatOption = Format.text,
) -> None:
    """A scaled network that can be built: its sizes and exact counts, and how far it is from what was wanted.

    With --output, the network is written as a .toml or .json file, which every command takes as NETWORK.
    """
    from complexity_theory.core import report
    from complexity_theory.networks.files import dump
    from complexity_theory.scaling import realise
    from complexity_theory.scaling.strategy import by_multipliers

    direction: Any = strategy
    if (strategy is None) == (multipliers is None):
        raise InvalidInput("scaling takes a --strategy such as dWr, or --multipliers such as d1.4_w1.2_r1.34")
    if multipliers is not None:
        if (factor, target_flops) != (None, None):
            raise InvalidInput("--multipliers say how far to scale: leave --factor and --target-flops out")
        direction, factor = by_multipliers(multipliers)
    scaled = realise.scale(
        network_of(network, resolution, given),
        direction,
        factor=factor,
        target_flops=target_flops,
        rounding=rounding,
        fix=_patterns(fix),
        only=_patterns(only),
    )
    if output is not None:
        dump(scaled.network, output)
    report.emit(form, _tables(scaled), scaled.as_dict())
    if scaled.target_flops is not None and abs(scaled.deviation) > WARN_BEYOND:
        print(f"warning: the nearest sizes found miss the target by {scaled.deviation:+.1%}", file=sys.stderr)


def _patterns(text: str | None) -> list[str]:
    return [] if text is None else [part.strip() for part in text.split(",")]


def _tables(scaled: Scaled) -> list[Table]:
    from complexity_theory.core.report import Table

    data = scaled.as_dict()
    rows = [
        {name: _joined(name, value) for name, value in data[which].items() if name != "note"}
        for which in ("base", "scaled")
    ]
    wanted: dict[str, Any] = {
        "strategy": data["strategy"],
        "rounding": data["rounding"],
        "factor": data["factor"],
        "wanted flops": round(scaled.wanted_flops),
        "reached": data["reached"],
        "deviation": f"{data['deviation']:+.2%}",
    }
    dimensions = [
        {
            "dimension": name.replace("_", " "),
            "ideal multiplier": row["ideal"],
            "realised": row["realised"],
            "farthest size": f"{row['worst']:+.1%}",
        }
        for name, row in data["dimensions"].items()
    ]
    return [Table(rows, title=scaled.network.note), Table([wanted]), Table(dimensions)]


def _joined(name: str, value: Any) -> Any:
    if name == "resolution":
        return shown_sides(value)
    return (
        ", ".join("-" if size is None else str(size) for size in value) if isinstance(value, (tuple, list)) else value
    )


def export(
    network: NetworkArgument,
    to: Annotated[
        str,
        typer.Option(
            help="torch (a Python file that needs torch alone), pycls (YAML), torchvision, timm or json (our own)."
        ),
    ],
    strategy: Annotated[str | None, typer.Option(help=f"Scale it first: {STRATEGY_HELP}")] = None,
    factor: FactorOption = None,
    target_flops: TargetOption = None,
    rounding: RoundingOption = None,
    resolution: ResolutionOption = None,
    given: InputOption = None,
    snippet: Annotated[
        bool, typer.Option("--snippet", help="Only the Python that builds it (torchvision, timm).")
    ] = False,
    output: OutputOption = None,
) -> None:
    """A network, scaled first where a strategy is given, as a configuration that other libraries load."""
    from complexity_theory import exports
    from complexity_theory.core import files
    from complexity_theory.scaling import realise

    found = network_of(network, resolution, given)
    if strategy is not None:
        found = realise.scale(found, strategy, factor=factor, target_flops=target_flops, rounding=rounding).network
    elif (factor, target_flops, rounding) != (None, None, None):
        raise InvalidInput("to scale before the export, give a --strategy such as dWr")
    text = exports.snippet(found, to) if snippet else exports.export(found, to)
    if output is None:
        print(text, end="")
    else:
        files.write(output, text)

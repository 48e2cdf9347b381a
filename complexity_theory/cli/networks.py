"""Commands of the front door: networks scaled to be built, and handed to other libraries."""

from __future__ import annotations

from typing import Annotated

import typer

from complexity_theory.cli.app import NETWORKS, App
from complexity_theory.cli.options import (
    OUTPUT,
    SCALING,
    STRATEGY_HELP,
    FactorOption,
    Format,
    FormatOption,
    InputOption,
    NetworkArgument,
    OutputOption,
    ResolutionOption,
    RoundingOption,
    StrategyOption,
    TargetOption,
    strategy_names,
)
from complexity_theory.cli.printing import show
from complexity_theory.core.errors import InvalidInput

MultipliersOption = Annotated[
    str | None,
    typer.Option(
        metavar="MULTIPLIERS",
        help="Of d, w, g, r, instead of strategy and factor: d1.4_w1.2_r300/224.",
        rich_help_panel=SCALING,
    ),
]
FixOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERNS",
        help="Sizes that stay: head,stem*,stage1.width (see scale's JSON).",
        rich_help_panel=SCALING,
    ),
]
OnlyOption = Annotated[
    str | None, typer.Option(metavar="PATTERNS", help="The sizes that alone move.", rich_help_panel=SCALING)
]


def register(app: App) -> None:
    """Adds the commands of this module."""
    app.command(
        panel=NETWORKS,
        examples=[
            "scale EfficientNet-B0 --strategy dWr --target-flops 3.1GF",
            "scale RegNetY-4.0GF --strategy d1_w8_g8_r1 --factor 4 --output mine.toml",
        ],
    )(scale)
    app.command(
        panel=NETWORKS,
        examples=[
            "export RegNetY-4.0GF --to pycls",
            "export EfficientNet-B0 --strategy dWr --factor 4 --to timm --snippet",
        ],
    )(export)


def scale(
    network: NetworkArgument,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="STRATEGY",
            help=STRATEGY_HELP,
            autocompletion=strategy_names,
            rich_help_panel=SCALING,
        ),
    ] = None,
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
    from complexity_theory.networks.files import dump
    from complexity_theory.verbs import scaling

    if (strategy is None) == (multipliers is None):
        raise InvalidInput("scaling takes a --strategy such as dWr, or --multipliers such as d1.4_w1.2_r1.34")
    scaled = scaling.scale(
        network,
        strategy,
        factor=factor,
        target_flops=target_flops,
        multipliers=multipliers,
        rounding=rounding,
        resolution=resolution,
        input=given,
        fix=fix or (),
        only=only or (),
    )
    if output is not None:
        dump(scaled.network, output)
    show(scaled, form)


def export(
    network: NetworkArgument,
    to: Annotated[
        str,
        typer.Option(
            metavar="LIBRARY",
            help="torch (a Python file that needs torch alone), pycls (YAML), torchvision, timm or json (our own).",
        ),
    ],
    strategy: StrategyOption = None,
    factor: FactorOption = None,
    target_flops: TargetOption = None,
    rounding: RoundingOption = None,
    resolution: ResolutionOption = None,
    given: InputOption = None,
    snippet: Annotated[
        bool,
        typer.Option("--snippet", help="Only the Python that builds it (torchvision, timm).", rich_help_panel=OUTPUT),
    ] = False,
    output: OutputOption = None,
) -> None:
    """A network, scaled first where a strategy is given, as a configuration that other libraries load."""
    from complexity_theory.verbs import scaling

    found = scaling.export(
        network,
        to,
        strategy=strategy,
        factor=factor,
        target_flops=target_flops,
        rounding=rounding,
        resolution=resolution,
        input=given,
        snippet=snippet,
    )
    if output is None:
        print(found.text, end="")
    else:
        found.write(output)

"""The command of the front door that writes a page to explore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from complexity_theory.cli.app import CHOOSE, App
from complexity_theory.cli.options import (
    NETWORK_HELP,
    OUTPUT,
    SCALING,
    BatchOption,
    DevicesOption,
    InputOption,
    RoundingsOption,
    network_names,
    strategy_names,
)

NetworksArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NETWORK...]",
        help=f"Default: the paper's three. {NETWORK_HELP}",
        autocompletion=network_names,
        show_default=False,
    ),
]
BUDGETS = "Budgets, of which the page draws what fits"


def register(app: App) -> None:
    """Adds the command of this module."""
    app.command(panel=CHOOSE, examples=["explore EfficientNet-B0 RegNetY-500MF --device v100-training -o page.html"])(
        explore
    )


def explore(
    networks: NetworksArgument = None,
    given: InputOption = None,
    device: DevicesOption = None,
    batch: BatchOption = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRATEGY",
            help="A strategy more, as d1_w8_g8_r1; may be repeated.",
            autocompletion=strategy_names,
            rich_help_panel=SCALING,
        ),
    ] = None,
    rounding: RoundingsOption = None,
    max_time: Annotated[
        list[str] | None,
        typer.Option(metavar="TIME", help="As in `choose`: time per image, as 1ms.", rich_help_panel=BUDGETS),
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(metavar="N", help="Params, as 30M.", rich_help_panel=BUDGETS)
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(metavar="BYTES", help="Memory at the batch, as 8GiB.", rich_help_panel=BUDGETS)
    ] = None,
    max_flops: Annotated[
        str | None, typer.Option(metavar="FLOPS", help="Multiply-adds, as 6GF.", rich_help_panel=BUDGETS)
    ] = None,
    max_acts: Annotated[str | None, typer.Option(metavar="N", help="Acts, as 30M.", rich_help_panel=BUDGETS)] = None,
    free: Annotated[
        bool,
        typer.Option("--free", help="Also the front of all variants, as in `choose`.", rich_help_panel=BUDGETS),
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file.", rich_help_panel=OUTPUT)
    ] = Path("explorer.html"),
) -> None:
    """A page to play with: networks, strategies, factors, devices and budgets, from the closed forms.

    One HTML file that needs no server and no network: open it from the disk, or put it on any host. Without --device,
    two are shown. With budgets, what `choose` finds within them is drawn too.
    """
    from complexity_theory.page import verb

    page = verb.explore(
        networks or verb.NETWORKS,
        device or verb.DEVICES,
        input=given,
        strategies=strategy or (),
        roundings=rounding or verb.ROUNDINGS,
        batch=batch,
        max_time=max_time,
        max_params=max_params,
        max_memory=max_memory,
        max_flops=max_flops,
        max_acts=max_acts,
        free=free,
    )
    page.write(output)
    typer.echo(output)

"""The command of the front door that writes a page to explore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from complexity_theory.cli.options import BatchOption, DevicesOption, RoundingsOption

NetworksArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NETWORK...", help="Names, or .toml and .json files. Default: the paper's three."),
]


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command()(explore)


def explore(
    networks: NetworksArgument = None,
    device: DevicesOption = None,
    batch: BatchOption = None,
    strategy: Annotated[
        list[str] | None, typer.Option(help="A strategy more, as d1_w8_g8_r1; may be repeated.")
    ] = None,
    rounding: RoundingsOption = None,
    max_time: Annotated[
        list[str] | None,
        typer.Option(help="Draws what fits: time per image, as 1ms, on every device or for each in their order."),
    ] = None,
    max_params: Annotated[str | None, typer.Option(help="The same: params, as 30M.")] = None,
    max_memory: Annotated[str | None, typer.Option(help="The same: memory at the batch, as 8GiB.")] = None,
    max_flops: Annotated[str | None, typer.Option(help="The same: multiply-adds, as 6GF.")] = None,
    max_acts: Annotated[str | None, typer.Option(help="The same: acts, as 30M.")] = None,
    free: Annotated[
        bool, typer.Option("--free", help="With budgets: the front of all variants, as `choose --free`.")
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file.")] = Path("explorer.html"),
) -> None:
    """A page to play with: networks, strategies, factors, devices and budgets, from the closed forms.

    One HTML file that needs no network and no server. With budgets, what `choose` finds within them is drawn too.
    """
    from complexity_theory.cli.choose import budgets, load_profiles
    from complexity_theory.cli.options import network_of
    from complexity_theory.core import files
    from complexity_theory.page import explore as page
    from complexity_theory.scaling.strategy import parse

    profiles = load_profiles(device or list(page.DEVICES), None)
    bounds = budgets(max_time, max_params, max_memory, max_flops, max_acts, profiles)
    written = page.explore(
        [(name, network_of(name)) for name in networks or page.NETWORKS],
        profiles,
        strategies=[parse(name) for name in strategy or ()],
        roundings=rounding or page.ROUNDINGS,
        batch=batch,
        budgets=bounds,
        free=free,
    )
    files.write(output, written, mark=files.MADE)
    typer.echo(output)

"""The command of the front door that chooses: the largest network that fits budgets, on the devices at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from complexity_theory.cli.app import CHOOSE, App
from complexity_theory.cli.options import (
    DEVICE,
    OUTPUT,
    BatchOption,
    DevicesOption,
    Format,
    FormatOption,
    HeldResolutionOption,
    InputOption,
    MultipleOption,
    NetworkArgument,
    RoundingsOption,
    strategy_names,
)
from complexity_theory.cli.printing import show

if TYPE_CHECKING:
    from complexity_theory.verbs.choosing import Chosen

BUDGETS, SEARCH = "Budgets", "Search"


def register(app: App) -> None:
    """Adds the command of this module."""
    app.command(
        panel=CHOOSE,
        examples=[
            "choose EfficientNet-B0 --max-params 30M --max-time 1ms --device rtx4090-eager-nchw",
            "choose RegNetY-4.0GF --max-flops 8GF --max-memory 8GiB --device v100-training --free -o best.toml",
        ],
    )(choose)


def choose(
    network: NetworkArgument,
    given: InputOption = None,
    max_time: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIME",
            help="Time per image, as 1ms: on every device, or given once for each --device, in their order.",
            rich_help_panel=BUDGETS,
        ),
    ] = None,
    max_params: Annotated[
        str | None, typer.Option(metavar="N", help="Params, as 30M.", rich_help_panel=BUDGETS)
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Memory at the batch, as 8GiB, on every device.", rich_help_panel=BUDGETS),
    ] = None,
    max_flops: Annotated[
        str | None, typer.Option(metavar="FLOPS", help="Multiply-adds, as 6GF.", rich_help_panel=BUDGETS)
    ] = None,
    max_acts: Annotated[str | None, typer.Option(metavar="N", help="Acts, as 30M.", rich_help_panel=BUDGETS)] = None,
    sure: Annotated[
        bool,
        typer.Option("--sure", help="Times must fit at the upper end of their intervals.", rich_help_panel=BUDGETS),
    ] = False,
    device: DevicesOption = None,
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="MODE", help="inference or training: refuse devices of the other.", rich_help_panel=DEVICE
        ),
    ] = None,
    batch: BatchOption = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRATEGY",
            help="A strategy more, as d1_w8_g8_r1; may be repeated.",
            autocompletion=strategy_names,
            rich_help_panel=SEARCH,
        ),
    ] = None,
    alphas: Annotated[
        int, typer.Option(metavar="N", help="fast:ALPHA in so many steps from 0 to 1.", rich_help_panel=SEARCH)
    ] = 5,
    rounding: RoundingsOption = None,
    resolution: HeldResolutionOption = None,
    multiple: MultipleOption = None,
    free: Annotated[
        bool,
        typer.Option(
            "--free", help="Also all multipliers free: the front, and the best variant.", rich_help_panel=SEARCH
        ),
    ] = False,
    by_stage: Annotated[
        bool,
        typer.Option(
            "--by-stage",
            help="Also single stages, greedily: most flops per room taken at each step.",
            rich_help_panel=SEARCH,
        ),
    ] = False,
    measure: Annotated[
        str,
        typer.Option(
            metavar="METRIC",
            help="What --free makes as large as can be: flops, params or acts.",
            rich_help_panel=SEARCH,
        ),
    ] = "flops",
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draws the choice (.svg, .pdf, .png).", rich_help_panel=OUTPUT),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Writes the best network (.toml, .json).", rich_help_panel=OUTPUT
        ),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """The largest network that fits: along every strategy, the one with most flops that keeps all budgets.

    Found exactly among all networks that the strategy passes through, up or down from NETWORK, by each rounding rule.
    The text names the bound that the next larger network breaks, and the room that is left under the others.
    """
    from complexity_theory.choice.compare import ROUNDINGS
    from complexity_theory.verbs import choosing

    if figure is not None:
        from complexity_theory.figures.style import form_of

        form_of(figure)  # told before the search
    found = choosing.choose(
        network,
        device or (),
        max_time=max_time,
        max_params=max_params,
        max_memory=max_memory,
        max_flops=max_flops,
        max_acts=max_acts,
        mode=mode,
        batch=batch,
        strategies=strategy or (),
        alphas=alphas,
        roundings=rounding or ROUNDINGS,
        resolution=resolution,
        input=given,
        multiple=multiple,
        free=free,
        by_stage=by_stage,
        measure=measure,
        sure=sure,
    )
    if output is not None:
        found.write(output)
    if figure is not None:
        _draw(found, figure)
    show(found, form)


def _draw(found: Chosen, path: Path) -> None:
    from complexity_theory.core import files
    from complexity_theory.figures import front, style

    files.write(path, style.FORMS[style.form_of(path)](front.draw(found.found, found.free)))

"""Commands of the front door: what the theory says, of layers and of whole networks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from complexity_theory.cli.app import THEORY, App
from complexity_theory.cli.options import (
    BLOCK,
    DEVICE,
    NETWORK_HELP,
    STRATEGY_HELP,
    BatchOption,
    DevicesOption,
    Format,
    FormatOption,
    InputOption,
    NetworkArgument,
    ResolutionOption,
    device_names,
    network_names,
    strategy_names,
)
from complexity_theory.cli.printing import show
from complexity_theory.core.errors import InvalidInput

LayerOption = Annotated[str, typer.Option("--layer", metavar="LAYER", help="conv, group-conv or depthwise-conv.")]

NetworksOption = Annotated[
    list[str] | None,
    typer.Option(
        "--network",
        metavar="NETWORK",
        help=f"Of a real network instead of a layer; may be repeated. {NETWORK_HELP}",
        autocompletion=network_names,
    ),
]


def register(app: App) -> None:
    """Adds the commands of this module."""
    app.command(
        panel=THEORY,
        examples=[
            "derive dWr",
            "derive fast:3/5 --steps",
            "derive w --layer group-conv",
            "derive dWr --layer bottleneck --kernel 3 --steps",
            "derive dWr --network EfficientNet-B0 --at 16",
            "derive dWr --network EfficientNet-B0 --device v100-training",
            "derive --budgets params:9/10,acts:3/5",
        ],
    )(derive)
    app.command(panel=THEORY, examples=["tables", "tables compound", "tables 4 --format latex"])(tables)
    app.command(
        "closed-form", panel=THEORY, examples=["closed-form EfficientNet-B0", "closed-form regnety_040 --format latex"]
    )(closed_form)
    app.command(
        panel=THEORY,
        examples=[
            "optimal --depth-floor 1/10 --resolution-floor 1/20",
            "optimal --network EfficientNet-B0 --device v100-training",
        ],
    )(optimal)
    app.command(
        panel=THEORY,
        examples=["roofline dWr w --flop-rate 6.25e13 --bandwidth 9e11 --bytes-per-act 4 --width 64 --kernel 1"],
    )(roofline)


def derive(
    strategy: Annotated[
        str | None,
        typer.Argument(metavar="STRATEGY", help=STRATEGY_HELP, autocompletion=strategy_names, show_default=False),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            help="conv (the default), group-conv or depthwise-conv; or a block: bottleneck, basic, mbconv, separable, "
            "convnext or se.",
        ),
    ] = None,
    network: NetworksOption = None,
    given: InputOption = None,
    at: Annotated[
        float | None, typer.Option(metavar="S", help="The scaling factor s for --network; without it, a table.")
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE",
            help="With --network: the exponent of its predicted time on a device as well.",
            autocompletion=device_names,
            rich_help_panel=DEVICE,
        ),
    ] = None,
    batch: BatchOption = None,
    budgets: Annotated[
        str | None,
        typer.Option(
            metavar="BOUNDS",
            help="The directions along which params and acts grow no faster, as params:9/10,acts:3/5.",
        ),
    ] = None,
    kernel: Annotated[
        int | None, typer.Option(metavar="k", help="Of a block's k x k conv (else k stays).", rich_help_panel=BLOCK)
    ] = None,
    ratio: Annotated[
        str | None, typer.Option(metavar="RATIO", help="Of a block's inner width, as 1/4.", rich_help_panel=BLOCK)
    ] = None,
    se: Annotated[
        str | None, typer.Option(metavar="RATIO", help="Of squeeze-excite, as 1/4; 0: none.", rich_help_panel=BLOCK)
    ] = None,
    stride: Annotated[
        int | None, typer.Option(metavar="N", help="Of the first of the blocks.", rich_help_panel=BLOCK)
    ] = None,
    group_width: Annotated[
        int | None, typer.Option(metavar="g", help="Of a bottleneck's conv, at s = 1.", rich_help_panel=BLOCK)
    ] = None,
    depth: Annotated[
        int | None, typer.Option(metavar="d", help="Number of blocks at s = 1; default: 4.", rich_help_panel=BLOCK)
    ] = None,
    width: Annotated[
        int | None, typer.Option(metavar="w", help="Their width at s = 1; default: 64.", rich_help_panel=BLOCK)
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(metavar="r", help="Side of their input at s = 1; default: 56.", rich_help_panel=BLOCK)
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="The derivation, step by step.")] = False,
    form: FormatOption = Format.text,
) -> None:
    """How sizes and costs grow when flops grow as s: multipliers and exponents of a strategy.

    Beside flops, params and acts: kept, the activations that training keeps for the backward pass.

    For a kind of layer they are exact, normalised to its flops. Of a block (--layer bottleneck) its cost in symbols,
    the slopes at s from 1 to 32 and their limits. For a network (--network) they are the slopes
    d log cost / d log s at a finite s, and their exact limits. With --budgets: the corners of all directions that keep
    bounds on the exponents, and the interval of alpha in fast scaling.
    """
    from complexity_theory.verbs import theory

    settings = {
        "kernel": kernel,
        "ratio": ratio,
        "se": se,
        "stride": stride,
        "group_width": group_width,
        "depth": depth,
        "width": width,
        "resolution": resolution,
    }
    found = theory.derive(
        strategy,
        _layer(layer, {name: value for name, value in settings.items() if value is not None}),
        network=network or None,
        input=given,
        at=at,
        device=device,
        batch=batch,
        budgets=budgets,
        steps=steps,
    )
    show(found, form)


def _layer(layer: str | None, settings: dict[str, Any]) -> Any:
    """The kind of layer, or the block that is meant."""
    if not settings:
        return layer
    from complexity_theory.scaling.blocks import USUAL
    from complexity_theory.verbs.blocks import block

    if layer is None or layer not in USUAL:
        raise InvalidInput(f"--{next(iter(settings)).replace('_', '-')} is of a block: --layer {', '.join(USUAL)}")
    return block(layer, **settings)


def tables(
    name: Annotated[
        str | None,
        typer.Argument(metavar="TABLE", help="simple (1), compound (2), group (3) or fast (4); all without a name."),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """The paper's closed-form tables, derived on the spot: what each strategy does to sizes and costs."""
    from complexity_theory.verbs import theory

    show(theory.tables(name), form)


def closed_form(
    network: NetworkArgument,
    resolution: ResolutionOption = None,
    given: InputOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Flops, params and acts of a network as polynomials in the multipliers of its depth, width and group width.

    The multipliers are d, w and g; the input is 32 n x 32 n, or of n = height / 32 and its own proportions. kept: the
    elements of activations that training keeps for the backward pass of each image.
    """
    from complexity_theory.verbs import theory

    show(theory.closed_form(network, resolution=resolution, input=given), form)


def optimal(
    layer: Annotated[
        str | None, typer.Option(metavar="LAYER", help="conv (the default), group-conv or depthwise-conv.")
    ] = None,
    depth_floor: Annotated[
        str | None,
        typer.Option(metavar="EXPONENT", help="Least exponent of s in the depth; default: 0, or with --network 1/10."),
    ] = None,
    resolution_floor: Annotated[
        str | None,
        typer.Option(
            metavar="EXPONENT", help="Least exponent of s in the resolution; default: 0, or with --network 1/20."
        ),
    ] = None,
    network: NetworksOption = None,
    device: DevicesOption = None,
    at: Annotated[
        float | None, typer.Option(metavar="S", help="With --network: s, up to which time grows; default: 16.")
    ] = None,
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """The strategy along which acts grow slowest, with floors on depth and resolution (a linear program, exact).

    With the floors 1/10 and 1/20 it is dWr; without floors it is w. With --network: the direction along which its
    predicted time grows slowest, on each device (default: all profiles), under the floors of dWr.
    """
    from complexity_theory.verbs import theory

    found = theory.optimal(
        layer,
        depth_floor=depth_floor,
        resolution_floor=resolution_floor,
        network=network or None,
        devices=device or None,
        at=at,
        batch=batch,
    )
    show(found, form)


def roofline(
    strategies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STRATEGY...",
            help=f"Default: the named ones. {STRATEGY_HELP}",
            autocompletion=strategy_names,
        ),
    ] = None,
    layer: LayerOption = "conv",
    flop_rate: Annotated[float | None, typer.Option(metavar="F", help="Multiply-adds a second of the device.")] = None,
    bandwidth: Annotated[float | None, typer.Option(metavar="B", help="Bytes a second of its memory.")] = None,
    bytes_per_act: Annotated[
        float | None,
        typer.Option(metavar="b", help="Bytes moved per act (8: a float32 written and read once)."),
    ] = None,
    width: Annotated[int | None, typer.Option(metavar="w", help="Width of the layer at s = 1.")] = None,
    group_width: Annotated[int | None, typer.Option(metavar="g", help="Its group width.")] = None,
    kernel: Annotated[int | None, typer.Option(metavar="k", help="Side of its kernel.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """Flops per act along each strategy, and the s at which a layer turns from memory-bound to compute-bound.

    In closed form; what is given as a number is put in.
    """
    from complexity_theory.scaling.strategy import NAMED
    from complexity_theory.verbs import theory

    found = theory.roofline(
        strategies or NAMED,
        layer,
        flop_rate=flop_rate,
        bandwidth=bandwidth,
        bytes_per_act=bytes_per_act,
        width=width,
        group_width=group_width,
        kernel=kernel,
    )
    show(found, form)

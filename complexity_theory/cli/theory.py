"""Commands of the front door: what the theory says, of layers and of whole networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import (
    NETWORK_HELP,
    BatchOption,
    DevicesOption,
    Format,
    FormatOption,
    InputOption,
    ResolutionOption,
    network_of,
)
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from fractions import Fraction

    from complexity_theory.devices.growth import TimeGrowth
    from complexity_theory.scaling.exponents import Derivation
    from complexity_theory.scaling.steps import Step
    from complexity_theory.scaling.strategy import Strategy

STRATEGY_HELP = (
    "d, w, r, dw, dr, wr, dwr or dWr (case matters: dwr is not dWr), fast:0.6 or fast:3/5 (fast:alpha for the symbol), "
    "or letters of dwgr, each once, as dwg or with weights as d1_w8_g8_r1."
)
StrategyArgument = Annotated[str, typer.Argument(metavar="STRATEGY", help=STRATEGY_HELP)]
LayerOption = Annotated[str, typer.Option("--layer", help="conv, group-conv or depthwise-conv.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command()(derive)
    app.command()(tables)
    app.command("closed-form")(closed_form)
    app.command()(optimal)
    app.command()(roofline)


def derive(
    strategy: Annotated[str | None, typer.Argument(metavar="[STRATEGY]", help=STRATEGY_HELP)] = None,
    layer: Annotated[str | None, typer.Option(help="conv (the default), group-conv or depthwise-conv.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="Effective exponents of a real network instead; may be repeated.")
    ] = None,
    given: InputOption = None,
    at: Annotated[float | None, typer.Option(help="The scaling factor s for --network; without it, a table.")] = None,
    device: Annotated[
        str | None, typer.Option(help="With --network: the exponent of its predicted time on a device as well.")
    ] = None,
    batch: BatchOption = None,
    budgets: Annotated[
        str | None,
        typer.Option(help="The directions along which params and acts grow no faster, as params:9/10,acts:3/5."),
    ] = None,
    steps: Annotated[bool, typer.Option("--steps", help="The derivation, step by step.")] = False,
    form: FormatOption = Format.text,
) -> None:
    """How sizes and costs grow when flops grow as s: multipliers and exponents of a strategy.

    Beside flops, params and acts: kept, the activations that training keeps for the backward pass.

    For a kind of layer they are exact, normalised to its flops. For a network (--network) they are the slopes
    d log cost / d log s at a finite s, and their exact limits. With --budgets: the corners of all directions that keep
    bounds on the exponents, and the interval of alpha in fast scaling.
    """
    from complexity_theory.scaling.strategy import parse

    if at is not None and not network:
        raise InvalidInput("--at is the scaling factor of a network: give --network as well")
    if (device is not None or batch is not None) and not network:
        raise InvalidInput("--device tells the time of a network: give --network as well")
    if network and layer is not None:
        raise InvalidInput("--layer and --network exclude each other: a network has layers of its own")
    if budgets is not None:
        _derive_directions(budgets, strategy, layer, network, at, device, batch, steps, form, given)
        return
    if strategy is None:
        raise InvalidInput("give a STRATEGY such as dWr, or --budgets such as params:9/10,acts:3/5")
    direction = parse(strategy)
    if network:
        _derive_networks(direction, network, at, device, batch, steps, form, given)
    else:
        from complexity_theory.scaling.exponents import derive as derive_layer

        _print_derivation(derive_layer(direction, layer or "conv"), steps, form)


def _derive_directions(
    budgets: str,
    strategy: str | None,
    layer: str | None,
    networks: list[str] | None,
    at: float | None,
    device: str | None,
    batch: int | None,
    steps: bool,
    form: str,
    given: str | None = None,
) -> None:
    from complexity_theory.core import report
    from complexity_theory.scaling import directions
    from complexity_theory.scaling.exponents import derive as derive_layer
    from complexity_theory.scaling.strategy import parse
    from complexity_theory.scaling.tables import derivation_data, growth_row

    found = directions.directions(directions.parse_bounds(budgets), layer or "conv")
    data, table, written = found.as_dict(), directions.table(found), directions.direction_steps(found)
    if strategy is not None:
        asked = derive_layer(parse(strategy), found.layer)
        keeps = {name: bool(getattr(asked.exponents, name) <= bound) for name, bound in found.bounds.items()}
        data |= {**derivation_data(asked), "keeps": keeps}
        row = {**growth_row(asked), "keeps": ", ".join(name for name, kept in keeps.items() if kept) or None}
        table = report.Table([*table.rows, row], table.title)
    if networks:
        if device is None or len(networks) > 1:
            raise InvalidInput("with --budgets, --network takes a --device, and is given once: its time picks a corner")
        growth, s = _growth(networks[0], device, batch, given), 1.0 if at is None else at
        times = {vertex.strategy.name: growth.exponent(vertex.strategy, s) for vertex in found.vertices}
        data |= {
            "seconds": times,
            "slowest": {**data["slowest"], "seconds": min(times, key=times.__getitem__, default=None)},
        }
        name = f"time of {growth.network.name} on {growth.profile.name} at s = {s:g}"
        table = report.Table([{**row, name: times.get(str(row["strategy"]))} for row in table.rows], table.title)
    if steps:
        _print_steps(written, form, data)
    else:
        report.emit(form, [table], data)


def _growth(network: str, device: str, batch: int | None, given: str | None = None) -> TimeGrowth:
    from complexity_theory.devices.growth import time_growth
    from complexity_theory.devices.profile import load

    return time_growth(network_of(network, None, given), load(device), batch)


def _print_derivation(derivation: Derivation, steps: bool, form: str) -> None:
    from complexity_theory.core import report
    from complexity_theory.core.symbols import s
    from complexity_theory.scaling import kept
    from complexity_theory.scaling import steps as written
    from complexity_theory.scaling.tables import derivation_data, growth_row

    memory = kept.layer_exponent(derivation)
    data = {**derivation_data(derivation), "kept": memory}
    if steps:
        _print_steps(written.layer_steps(derivation), form, data)
    else:
        row = {**growth_row(derivation), "kept": s**memory}
        report.emit(form, [report.Table([row], f"What s multiplies: a stack of {derivation.layer}")], data)


def _derive_networks(
    strategy: Strategy,
    names: list[str],
    at: float | None,
    device: str | None,
    batch: int | None,
    steps: bool,
    form: str,
    given: str | None = None,
) -> None:
    from complexity_theory.core import report
    from complexity_theory.devices import growth
    from complexity_theory.scaling import effective
    from complexity_theory.scaling import steps as written

    if steps and len(names) > 1:
        raise InvalidInput(f"--steps derives one network at a time, not {len(names)}")
    networks = [network_of(name, None, given) for name in names]
    factors = effective.FACTORS if at is None else (at,)
    scalings = [effective.effective_exponents(network, strategy) for network in networks]
    listed: list[Any] = [effective.as_data(scaling, at) for scaling in scalings]
    table, told = effective.distance_table(scalings, factors), written.network_steps(scalings[0], factors)
    if device is not None:
        times = [_growth(name, device, batch, given) for name in names]
        listed = [growth.with_time(data, time, strategy) for data, time in zip(listed, times, strict=True)]
        table = growth.timed_table(table, times, strategy)
        told = [*told, growth.time_step(times[0], strategy, factors)]
    data: Any = listed[0] if len(listed) == 1 else listed
    if steps:
        _print_steps(told, form, data)
        return
    compared = [effective.group_width_table(network, strategy, factors) for network in networks]
    report.emit(form, [table, *filter(None, compared)], data)


def _print_steps(steps: list[Step], form: str, data: Any) -> None:
    from complexity_theory.core import report
    from complexity_theory.scaling import steps as written

    if form == "json":
        report.emit(form, [], {**data, "steps": written.as_data(steps)})
    elif form == "csv":
        report.emit(form, [written.as_report(steps)])
    else:
        print(written.render(steps, form))


def tables(
    name: Annotated[str | None, typer.Argument(help="simple, compound, group or fast; all without a name.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """The paper's closed-form tables, derived on the spot: what each strategy does to sizes and costs."""
    from complexity_theory.core import report
    from complexity_theory.scaling import tables as known

    chosen = list(known.TABLES.values()) if name is None else [known.table(name)]
    report.emit(form, [known.as_report(table) for table in chosen], [row for t in chosen for row in known.as_data(t)])


def closed_form(
    network: Annotated[str, typer.Argument(help=NETWORK_HELP)],
    resolution: ResolutionOption = None,
    given: InputOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Flops, params and acts of a network as polynomials in the multipliers of its depth, width and group width.

    The multipliers are d, w and g; the input is 32 n x 32 n, or of n = height / 32 and its own proportions. kept: the
    elements of activations that training keeps for the backward pass of each image.
    """
    from complexity_theory.core import report
    from complexity_theory.scaling import closed_form as closed
    from complexity_theory.scaling import steps as written
    from complexity_theory.scaling.kept import kept_form

    found = network_of(network, resolution, given)
    polynomials, memory = closed.closed_form(found), kept_form(found)
    if form == "json":
        report.emit(form, [], closed.as_data(found, polynomials, kept=memory))
    elif form == "csv":
        report.emit(form, [closed.term_table(polynomials, kept=memory)])
    else:
        print(written.render([written.closed_form_step(found, polynomials, kept=memory)], form))


def optimal(
    layer: Annotated[str | None, typer.Option(help="conv (the default), group-conv or depthwise-conv.")] = None,
    depth_floor: Annotated[
        str | None, typer.Option(help="Least exponent of s in the depth; default: 0, or with --network 1/10.")
    ] = None,
    resolution_floor: Annotated[
        str | None, typer.Option(help="Least exponent of s in the resolution; default: 0, or with --network 1/20.")
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="By its predicted time on devices instead of acts; may be repeated.")
    ] = None,
    device: DevicesOption = None,
    at: Annotated[float | None, typer.Option(help="With --network: s, up to which time grows; default: 16.")] = None,
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """The strategy along which acts grow slowest, with floors on depth and resolution (a linear program, exact).

    With the floors 1/10 and 1/20 it is dWr; without floors it is w. With --network: the direction along which its
    predicted time grows slowest, on each device (default: all profiles), under the floors of dWr.
    """
    from complexity_theory.scaling.strategy import exact

    given = {"depth": depth_floor, "resolution": resolution_floor}
    floors = {name: exact(text, f"the {name} floor") for name, text in given.items() if text is not None}
    if network:
        if layer is not None:
            raise InvalidInput("--layer and --network exclude each other: a network has layers of its own")
        _fast_directions(network, device, at, batch, floors, form)
        return
    if device or at is not None or batch is not None:
        raise InvalidInput("--device, --at and --batch are of the time of a network: give --network as well")
    from complexity_theory.scaling.optimal import slowest_acts

    _print_derivation(slowest_acts(layer or "conv", **floors), False, form)


def _fast_directions(
    networks: list[str],
    devices: list[str] | None,
    at: float | None,
    batch: int | None,
    floors: dict[str, Fraction],
    form: str,
) -> None:
    from complexity_theory.core import report
    from complexity_theory.devices import growth
    from complexity_theory.devices.profile import names

    rows = [
        growth.slowest_row(_growth(network, device, batch), growth.FACTOR if at is None else at, **floors)
        for network in networks
        for device in devices or names()
    ]
    title = "The direction along which predicted time grows slowest, by device"
    report.emit(form, [report.Table(rows, title)])


def roofline(
    strategies: Annotated[
        list[str] | None, typer.Argument(metavar="[STRATEGY]...", help=f"Default: the named ones. {STRATEGY_HELP}")
    ] = None,
    layer: LayerOption = "conv",
    flop_rate: Annotated[float | None, typer.Option(help="F: multiply-adds a second of the device.")] = None,
    bandwidth: Annotated[float | None, typer.Option(help="B: bytes a second of its memory.")] = None,
    bytes_per_act: Annotated[
        float | None, typer.Option(help="b: bytes moved per act (8: a float32 written and read once).")
    ] = None,
    width: Annotated[int | None, typer.Option(help="w: width of the layer at s = 1.")] = None,
    group_width: Annotated[int | None, typer.Option(help="g: its group width.")] = None,
    kernel: Annotated[int | None, typer.Option(help="k: side of its kernel.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """Flops per act along each strategy, and the s at which a layer turns from memory-bound to compute-bound.

    In closed form; what is given as a number is put in.
    """
    from complexity_theory.core import report, symbols
    from complexity_theory.scaling.exponents import derive as derive_layer
    from complexity_theory.scaling.roofline import roofline_table
    from complexity_theory.scaling.strategy import NAMED, parse

    given = {
        symbols.rate: flop_rate,
        symbols.bandwidth: bandwidth,
        symbols.bytes_per_act: bytes_per_act,
        symbols.w: width,
        symbols.g: group_width,
        symbols.k: kernel,
    }
    values = {symbol: value for symbol, value in given.items() if value is not None}
    derivations = [derive_layer(parse(text), layer) for text in strategies or NAMED]
    report.emit(form, [roofline_table(derivations, values)])

"""Figures of the closed forms: how a layer's metrics and its intensity grow along a strategy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

import pandas as pd
import sympy
from matplotlib.figure import Figure

from complexity_theory.core import symbols
from complexity_theory.figures import style
from complexity_theory.figures.registry import Spec
from complexity_theory.graph.complexity import METRICS
from complexity_theory.scaling.exponents import derive, known_as
from complexity_theory.scaling.roofline import crossover, intensity
from complexity_theory.scaling.strategy import Strategy, fast, parse
from complexity_theory.verbs import resolve

COMPARED = tuple(style.STRATEGIES)  # the strategies that the paper compares
SCALES = (1, 2, 4, 8, 16, 32, 64)


def exponents_data() -> pd.DataFrame:
    """Exponents of the metrics under fast(alpha), exact, with the name where the strategy has one."""
    rows = []
    for alpha in (sympy.Rational(i, 30) for i in range(31)):
        row = derive(fast(alpha))
        rows.append({"alpha": alpha, **row.exponents.as_dict(), "known_as": known_as(row)})
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("alpha", *METRICS), str))
    frame.attrs["source"] = "complexity-theory derive fast:ALPHA"
    for metric, exponent in derive(fast(symbols.alpha)).exponents.as_dict().items():
        frame.attrs[metric] = sympy.latex(exponent)
    return frame


def draw_exponents(frame: pd.DataFrame) -> Figure:
    """The three exponents against alpha: each line with its formula, each named strategy with its exact values."""
    figure = style.new(2.9, width=4.4)
    axes = figure.subplots()
    alpha = frame["alpha"].map(Fraction).map(float)
    named = frame["known_as"].notna()
    places = {"flops": (0.57, 1.012), "params": (0.4, 0.62), "acts": (0.4, 0.85)}
    for metric in METRICS:
        mark = style.METRICS[metric]
        values = frame[metric].map(Fraction).map(float)
        axes.plot(alpha, values, color=mark.colour, linestyle=mark.line)
        axes.plot(alpha[named], values[named], color=mark.colour, linestyle="", marker=mark.marker, clip_on=False)
        axes.text(*places[metric], f"{metric}: ${frame.attrs[metric]}$", color=mark.colour)
    for _, row in frame[named].iterrows():
        at = float(Fraction(row["alpha"]))
        axes.axvline(at, color=style.GREY, linewidth=0.5, zorder=0)
        axes.text(at, 1.06, row["known_as"], ha="center", color=style.QUIET)
        for metric, shift in (("params", (5, -8)), ("acts", (5, 2))):
            if row[metric] != "1":
                style.note(axes, row[metric], (at, float(Fraction(row[metric]))), shift)
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="α, the share of width in fast scaling", ylabel="exponent of $s$", xlim=(0, 1), ylim=(0.45, 1.05))
    return figure


def strategies_data(strategies: Iterable[Strategy | str] = COMPARED) -> pd.DataFrame:
    """Growth of acts and params of a dense convolution under strategies, for flops growing as s."""
    rows = []
    for strategy in map(resolve.strategy, strategies):
        name, row = strategy.name, derive(strategy)
        growth = {metric: sympy.lambdify(symbols.s, f) for metric, f in row.growth.as_dict().items()}
        slopes = {f"{metric}_slope": str(exponent) for metric, exponent in row.exponents.as_dict().items()}
        for factor in SCALES:
            rows.append({"strategy": name, "s": factor, **{m: float(f(factor)) for m, f in growth.items()}, **slopes})
    frame = pd.DataFrame(rows)
    frame.attrs["source"] = "complexity-theory derive STRATEGY"
    return frame


def draw_strategies(frame: pd.DataFrame) -> Figure:
    """Acts and params against s, log-log, each line with its slope."""
    figure, marks = style.new(2.9), style.marks(frame["strategy"], style.STRATEGIES)
    for index, (axes, metric) in enumerate(zip(figure.subplots(1, 2), ("acts", "params"), strict=True)):
        labels = []
        for name, rows in frame.groupby("strategy", sort=False):
            style.line(axes, rows["s"], rows[metric], marks[str(name)])
            slope = rows[f"{metric}_slope"].iloc[-1]
            power = "$s$" if slope == "1" else f"$s^{{{slope}}}$"
            labels.append((rows[metric].iloc[-1], f"{name}  {power}", marks[str(name)].colour))
        axes.set(xlabel="scaling factor $s$", ylabel=f"{metric}, relative to the base", xlim=(1, 64), ylim=(0.9, 85))
        axes.set_title(style.panel(index, metric), loc="left")
        style.log(axes.xaxis, SCALES)
        style.log(axes.yaxis, SCALES)
        style.line_ends(axes, labels)
    return figure


# Multiply-adds a second at half precision and bytes a second, as NVIDIA states them: the V100's data sheet (2020), 125
# TFLOPS of its tensor cores; the Ada architecture's white paper (2022), 165.2 TFLOPS with FP32 accumulation.
DEVICES = {
    "V100": {symbols.rate: 125e12 / 2, symbols.bandwidth: 900e9},
    "RTX 4090": {symbols.rate: 165.2e12 / 2, symbols.bandwidth: 1008e9},
}
HIGHEST = 2000  # the largest s that is shown
ACT_BYTES = 4  # moved per act: two bytes, written once and read once
WIDTH = 64
WIDTHS = (32, 48, 64, 96, 128, 192, 256)
DENSE = {symbols.k: 1}
# Layers whose intensity no strategy changes, as their group width stays.
FLAT = {
    "group 3 × 3, $g$ = 4 kept": ("group-conv", {symbols.k: 3, symbols.g: 4}),
    "depthwise 3 × 3": ("depthwise-conv", {symbols.k: 3}),
}


def intensity_data() -> pd.DataFrame:
    """Intensity of scaled layers and the crossover of a dense 1x1 convolution on devices, each row one point of a line.

    Kind "dense": flops per act at s of a 1x1 convolution of base width 64; "flat": the same of layers whose group width
    stays; "crossover": the s (and the flops per act there) at which one of this base width turns compute-bound.
    """
    rows: list[dict[str, object]] = []

    def at(expression: sympy.Expr, values: Mapping[sympy.Symbol, float]) -> float:
        return float(expression.subs(values))

    for layer, (kind, sizes) in FLAT.items():
        flops_per_act = intensity(derive(parse("w"), kind))
        rows += [
            {"kind": "flat", "name": layer, "s": s, "flops_per_act": at(flops_per_act, {**sizes, symbols.s: s})}
            for s in SCALES
        ]
    for name in COMPARED:
        row = derive(parse(name))
        flops_per_act, turn = intensity(row), crossover(row)
        assert turn is not None
        for s in SCALES:
            value = at(flops_per_act, {**DENSE, symbols.w: WIDTH, symbols.s: s})
            rows.append({"kind": "dense", "name": name, "width": WIDTH, "s": s, "flops_per_act": value})
        for device, peaks in DEVICES.items():
            for width in WIDTHS:
                sizes = {**DENSE, symbols.w: width}
                turns_at = at(turn, {**sizes, **peaks, symbols.bytes_per_act: ACT_BYTES})
                value = at(flops_per_act, {**sizes, symbols.s: turns_at})
                about = {"kind": "crossover", "name": name, "device": device, "width": width}
                rows.append({**about, "s": turns_at, "flops_per_act": value})
    frame = pd.DataFrame(rows)
    frame.attrs["source"] = "complexity_theory.scaling.roofline"
    frame.attrs["devices"] = " and ".join(DEVICES)
    return frame


def draw_intensity(frame: pd.DataFrame) -> Figure:
    """Intensity against s with the balance of the devices; the s of the crossover on the last of them against width."""
    figure = style.new(3.0)
    left, right = figure.subplots(1, 2)
    crossovers = frame[frame["kind"] == "crossover"]
    last = crossovers["device"].iloc[-1]
    for layer, rows in frame[frame["kind"] == "flat"].groupby("name", sort=False):
        left.plot(rows["s"], rows["flops_per_act"], color=style.GREY)
        style.note(left, str(layer), (64, rows["flops_per_act"].iloc[0]), (0, 3), ha="right")
    for device, rows in crossovers.groupby("device", sort=False):
        left.axhline(rows["flops_per_act"].iloc[0], color=style.BLACK, linewidth=0.8)
        shift = (2, 3) if device == last else (2, -9)
        style.note(left, f"balance of the {device}", (1, rows["flops_per_act"].iloc[0]), shift)
    labels = []
    for name in COMPARED:
        mark = style.STRATEGIES[name]
        dense = frame[(frame["kind"] == "dense") & (frame["name"] == name)]
        style.line(left, dense["s"], dense["flops_per_act"], mark)
        labels.append((dense["flops_per_act"].iloc[-1], name, mark.colour))
        turns = crossovers[(crossovers["name"] == name) & (crossovers["device"] == last)]
        right.plot(turns["width"], turns["s"], color=mark.colour, linestyle=mark.line)
        seen = turns[turns["s"] < HIGHEST]
        style.line(right, seen["width"], seen["s"], mark, linestyle="")
        first = seen.iloc[0]
        style.note(right, name, (first["width"], first["s"]), (7, 1), color=mark.colour, fontsize=8.5)
    left.set(xlabel="scaling factor $s$", ylabel="flops per act", xlim=(1, 64), ylim=(5, 1000))
    left.set_title(style.panel(0, "intensity of a dense 1 × 1 conv, width 64"), loc="left")
    style.log(left.xaxis, SCALES)
    style.log(left.yaxis)
    style.line_ends(left, labels)
    right.set(xlabel="base width", ylabel="$s$ at the crossover", xlim=(30, 275), ylim=(1, HIGHEST))
    right.set_title(style.panel(1, f"where it turns compute-bound: {last}"), loc="left")
    style.log(right.xaxis, WIDTHS)
    style.log(right.yaxis)
    return figure


FIGURES = (
    Spec(
        "exponents",
        "Fast scaling of a dense convolution: exponents of flops, params and acts in the scaling factor s against α, "
        "the share of width, with the strategies that have names. Derived: {source}.",
        exponents_data,
        draw_exponents,
    ),
    Spec(
        "strategies",
        "Growth of (a) acts and (b) params of a dense convolution whose flops grow as s, under the strategies that the "
        "paper compares; the slopes of the lines are the exponents. Derived: {source}.",
        strategies_data,
        draw_strategies,
    ),
    Spec(
        "intensity",
        "(a) Arithmetic intensity of a dense 1 × 1 convolution of width 64 against s, and of layers whose group width "
        "stays, which no strategy changes. Lines across: the balance F b / B of devices, from NVIDIA's stated peaks at "
        "half precision ({devices}), with b = 4 bytes moved per act; above it a layer is compute-bound. (b) The s at "
        "which the dense layer turns from memory-bound to compute-bound, against its base width. Derived: {source}.",
        intensity_data,
        draw_intensity,
    ),
)

"""Figures of the choice that a user has: what a strategy, or alpha, costs in predicted time on a device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import load_profile
from complexity_theory.evidence.sources import sources
from complexity_theory.figures import style
from complexity_theory.figures.networks import BASES, DRAWN_FACTORS, listed, shown_networks
from complexity_theory.figures.registry import Spec
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.realise import scale
from complexity_theory.scaling.strategy import Strategy, fast, parse
from complexity_theory.verbs import resolve

# The profiles of two devices, and what they were fitted to.
DEVICES = {name: sources()[name] for name in ("rtx4090-eager-nchw", "v100-training")}
FACTOR = 8
ALPHAS = sorted({Fraction(1, 3), *(Fraction(i, 10) for i in range(11))})
SHOWN = ("EfficientNet-B0", "RegNetZ-500MF")
SOURCE = "complexity-theory compare, with the device profiles of the package"


def predictions(base: Network, strategy: Strategy, factor: float) -> Iterator[dict[str, Any]]:
    """A row per device: counts of the base realised at a multiple of its flops, and its predicted seconds per image.

    ``outside``: whether it is larger than all networks that the profile of the device was fitted to.
    """
    built = scale(base, strategy, target_flops=factor * base.complexity().flops).network
    about = {"network": base.name, "factor": factor, **built.complexity().as_dict()}
    for profile, device in DEVICES.items():
        found = predict(built, load_profile(profile))
        yield {**about, "device": device.short, "seconds": found.seconds, "low": found.low, "high": found.high}


def _framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame.attrs["source"] = SOURCE
    frame.attrs["networks"] = listed(frame["network"])
    frame.attrs["device"] = "; ".join(f"{device.about} (profile {name})" for name, device in DEVICES.items())
    return frame


def four_strategies_data(
    networks: Iterable[Network | str] = SHOWN, strategies: Iterable[Strategy | str] = tuple(style.GROUPED)
) -> pd.DataFrame:
    """Networks realised from x1 to x32 under each strategy, with predicted times."""
    chosen = [resolve.strategy(strategy) for strategy in strategies]
    rows = [
        {"strategy": strategy.name, **row}
        for base in shown_networks(networks)
        for strategy in chosen
        for factor in DRAWN_FACTORS
        for row in predictions(base, strategy, factor)
    ]
    return _framed(rows)


def draw_four_strategies(frame: pd.DataFrame) -> Figure:
    """A row per network: acts, params and the time per image on each device against flops, a line per strategy.

    Bars beside the largest networks: the intervals of their predicted times.
    """
    marks, shown = style.marks(frame["strategy"], style.GROUPED), list(frame["network"].unique())
    figure = style.new(0.5 + 1.7 * len(shown))
    columns: list[tuple[str, str]] = [
        ("acts", ""),
        ("params", ""),
        *(("seconds", device.short) for device in DEVICES.values()),
    ]
    titles = {"acts": "acts (millions)", "params": "params (millions)"}
    grid = figure.subplots(len(shown), len(columns), sharex="row", squeeze=False)
    for i, base in enumerate(shown):
        for j, (metric, device) in enumerate(columns):
            axes, unit = grid[i, j], style.UNITS[metric][1]
            rows = frame[(frame["network"] == base) & (frame["device"] == (device or columns[-1][1]))]
            for k, (name, line) in enumerate(rows.groupby("strategy", sort=False)):
                style.line(axes, line["flops"] / 1e9, line[metric] / unit, marks[str(name)])
                if device:
                    last = line.iloc[-1]
                    apart = last["flops"] / 1e9 * 1.12 ** (k + 1)
                    ends = (last["low"] / unit, last["high"] / unit)
                    style.interval(axes, apart, *ends, marks[str(name)], linewidth=1.2, alpha=1)
                    axes.plot(apart, last[metric] / unit, color=marks[str(name)].colour, marker="_", markersize=3.5)
            title = titles.get(metric, f"predicted ms, {device}")
            axes.set_title(style.panel(len(columns) * i + j, title), loc="left", fontsize=7.5)
            axes.set_xlabel("flops ($10^9$)")
            style.log(axes.xaxis, decades=1.9)
            style.log(axes.yaxis, decades=1.9)
        grid[i, 0].set_ylabel(base)
    style.legend_below(figure, style.handles(marks))
    return figure


def _known_as(strategy: Strategy) -> str | None:
    """The string of letters that scales a network alike, its group widths too; None where none does."""
    return next((name for name in ("dr", *style.GROUPED) if parse(name).shares == strategy.shares), None)


def alpha_data(networks: Iterable[Network | str] = BASES) -> pd.DataFrame:
    """Networks realised at 8 times their flops under fast(alpha), with predicted times."""
    rows = [
        {"alpha": float(alpha), "known_as": _known_as(fast(alpha)), **row}
        for base in shown_networks(networks)
        for alpha in ALPHAS
        for row in predictions(base, fast(alpha), FACTOR)
    ]
    return _framed(rows)


def draw_alpha(frame: pd.DataFrame) -> Figure:
    """A panel per device: the predicted time at x8 against alpha, a line per network, with its interval."""
    figure, marks = style.new(3.1), style.marks(frame["network"], style.BASES)
    panels = figure.subplots(1, len(DEVICES))
    ms = style.UNITS["seconds"][1]
    for index, (axes, (device, rows)) in enumerate(zip(panels, frame.groupby("device", sort=False), strict=True)):
        for k, (base, line) in enumerate(rows.groupby("network", sort=False)):
            mark = marks[str(base)]
            style.interval(axes, line["alpha"] + 0.012 * (k - 1), line["low"] / ms, line["high"] / ms, mark)
            style.line(axes, line["alpha"], line["seconds"] / ms, mark)
        axes.set(xlabel="α, the share of width in fast scaling", xlim=(0, 1))
        axes.set_ylim(bottom=0)
        named = rows.dropna(subset="known_as").groupby("known_as")["alpha"].first()
        for name, alpha in named.items():
            axes.axvline(alpha, color=style.GREY, linewidth=0.5, zorder=0)
            style.note(axes, str(name), (alpha, axes.get_ylim()[1]), (0, 2), ha="center")
        axes.grid(visible=False, axis="x")
        axes.set_title(style.panel(index, str(device)), loc="left", pad=14)
    panels[0].set_ylabel("predicted time per image (ms)")
    style.legend_below(figure, style.handles(marks))
    return figure


FIGURES = (
    Spec(
        "four_strategies",
        "Ways to scale {networks} (rows, from above) from ×1 to ×32: acts, params and "
        "predicted time per image, all of networks that can be built. Group widths are scaled with the widths. Bars "
        "beside the largest networks: the predicted times of 9 of 10 held-out networks. Devices: {device}. Source: "
        "{source}.",
        four_strategies_data,
        draw_four_strategies,
    ),
    Spec(
        "alpha",
        "Fast scaling by ×8: predicted time per image against α, the share of width, for {networks}, all of networks "
        "that can be built. Bars hold 9 of 10 held-out networks; those of the "
        "networks stand side by side. Devices: {device}. Source: {source}.",
        alpha_data,
        draw_alpha,
    ),
)

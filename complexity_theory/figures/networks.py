"""Figures of real networks: effective exponents, and acts against flops of networks that can be built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.core.errors import InvalidInput
from complexity_theory.figures import style
from complexity_theory.figures.registry import Spec
from complexity_theory.graph.complexity import METRICS
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.effective import effective_exponents
from complexity_theory.scaling.population import polynomials
from complexity_theory.scaling.realise import scale
from complexity_theory.scaling.strategy import Strategy
from complexity_theory.verbs import resolve

BASES = ("EfficientNet-B0", "RegNetY-500MF", "RegNetZ-500MF")  # the networks that the paper scales
ROWS = ("acts", "params")
DRAWN_FACTORS = (1, 2, 4, 8, 16, 32)
MOST_SHOWN = 4  # networks in a figure


def listed(names: Iterable[str]) -> str:
    """The names of networks as a caption says them, each once.

    >>> listed(["a", "b", "a", "c"])
    'a, b and c'
    """
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last


def shown_networks(networks: Iterable[Any]) -> list[Any]:
    """The networks of a figure, each with a panel of its own. Raises InvalidInput for more than fit."""
    found = [resolve.network(each) for each in networks]
    if not 1 <= len(found) <= MOST_SHOWN:
        raise InvalidInput(f"a figure shows 1 to {MOST_SHOWN} networks, not {len(found)}")
    return found


def effective_exponents_data(
    networks: Iterable[Network | str] = BASES, strategies: Iterable[Strategy | str] = tuple(style.GROUPED)
) -> pd.DataFrame:
    """Effective exponents of acts and params of networks along each strategy, with their limits."""
    rows = []
    for base in shown_networks(networks):
        for strategy in map(resolve.strategy, strategies):
            name, scaling = strategy.name, effective_exponents(base, strategy)
            limits = {f"{metric}_limit": str(limit) for metric, limit in scaling.limits.as_dict().items()}
            for factor in np.geomspace(1, 64, 25):
                exponents = scaling.at(float(factor)).as_dict()
                rows.append({"network": base.name, "strategy": name, "s": factor, **exponents, **limits})
    frame = pd.DataFrame(rows)
    frame.attrs["source"] = "complexity-theory derive STRATEGY --network NAME --at S"
    frame.attrs["networks"] = listed(frame["network"])
    return frame


def draw_effective_exponents(frame: pd.DataFrame) -> Figure:
    """Exponents against s: a column per network, acts above params, each line with its limit."""
    figure, marks = style.new(4.3), style.marks(frame["strategy"], style.GROUPED)
    bases = frame.groupby("network", sort=False)
    grid = figure.subplots(2, len(bases), sharex=True, sharey="row", squeeze=False)
    for column, (base, rows) in enumerate(bases):
        for axes, metric in zip(grid[:, column], ROWS, strict=True):
            for name, line in rows.groupby("strategy", sort=False):
                style.line(axes, line["s"], line[metric], marks[str(name)], markevery=8)
        grid[0, column].set_title(style.panel(column, str(base)), loc="left")
        grid[1, column].set_xlabel("scaling factor $s$")
        grid[1, column].set_xlim(1, 64)
        style.log(grid[1, column].xaxis, (1, 2, 4, 8, 16, 32, 64))
    # Labels at the ends of the lines only now, when shared limits are known.
    ends = frame.groupby(["network", "strategy"], sort=False).last()
    for column, (_, rows) in enumerate(ends.groupby(level="network", sort=False)):
        for axes, metric in zip(grid[:, column], ROWS, strict=True):
            names = rows.index.get_level_values("strategy")
            limits = (f"→ {limit}" for limit in rows[f"{metric}_limit"])
            colours = (marks[name].colour for name in names)
            style.line_ends(axes, zip(rows[metric], limits, colours, strict=True), gap=0.07)
    for axes, metric in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(f"effective exponent of {metric}")
    style.legend_below(figure, style.handles(marks))
    return figure


def realised_data(
    networks: Iterable[Network | str] = BASES, strategies: Iterable[Strategy | str] = tuple(style.GROUPED)
) -> pd.DataFrame:
    """Flops and acts of networks realised at multiples of their flops, and of their ideal scalings."""
    rows = []
    chosen = [resolve.strategy(strategy) for strategy in strategies]
    for base in shown_networks(networks):
        ideal = polynomials(base)
        for name, strategy in zip([strategy.name for strategy in chosen], chosen, strict=True):
            for factor in DRAWN_FACTORS:
                built = scale(base, strategy, target_flops=factor * base.complexity().flops)
                counts = built.network.complexity().as_dict()
                rows.append({"network": base.name, "strategy": name, "kind": "realised", **counts})
            for factor in np.geomspace(1, 1.2 * DRAWN_FACTORS[-1], 17):
                counts = ideal(*strategy.multipliers(float(factor))).map(float).as_dict()
                rows.append({"network": base.name, "strategy": name, "kind": "ideal", **counts})
    frame = pd.DataFrame(rows).astype(dict.fromkeys(METRICS, float))
    frame.attrs["source"] = "complexity-theory scale NETWORK --strategy STRATEGY --target-flops F"
    frame.attrs["networks"] = listed(frame["network"])
    return frame


def draw_realised(frame: pd.DataFrame) -> Figure:
    """Acts against flops: a panel per network; marks are networks that can be built, lines the ideal scaling."""
    figure, marks = style.new(2.75), style.marks(frame["strategy"], style.GROUPED)
    bases = frame.groupby("network", sort=False)
    (panels,) = figure.subplots(1, len(bases), sharey=True, squeeze=False)
    for index, (axes, (base, rows)) in enumerate(zip(panels, bases, strict=True)):
        for (name, kind), line in rows.groupby(["strategy", "kind"], sort=False):
            mark = marks[str(name)]
            look = {"linestyle": mark.line} if kind == "ideal" else {"linestyle": "", "marker": mark.marker}
            axes.plot(line["flops"] / 1e9, line["acts"] / 1e6, color=mark.colour, **look)
        axes.set_title(style.panel(index, str(base)), loc="left")
        axes.set_xlabel(style.UNITS["flops"][0])
        style.log(axes.xaxis, decades=2)
        style.log(axes.yaxis, decades=2)
    panels[0].set_ylabel(style.UNITS["acts"][0])
    style.legend_below(figure, style.handles(marks))
    return figure


FIGURES = (
    Spec(
        "effective_exponents",
        "Effective exponents of acts and params, d log metric / d log s, of whole networks against the scaling factor "
        "s: {networks}. "
        "The paper gives the limits, written at the ends of the lines; stem, head and the first blocks of stages keep "
        "a finite network from them. Group widths are scaled with the widths; nothing is rounded. Derived: {source}.",
        effective_exponents_data,
        draw_effective_exponents,
    ),
    Spec(
        "realised",
        "Acts against flops when {networks} are scaled up to ×32. Marks: networks that can be "
        "built, with whole depths, widths in multiples of 8 and group widths that divide them, at the target of flops. "
        "Lines: the ideal scaling. Group widths are scaled with the widths. Counted: {source}.",
        realised_data,
        draw_realised,
    ),
)

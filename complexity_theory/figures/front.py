"""A choice under budgets, drawn: the strategies' ways, the front of the free variants, the budgets, what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from complexity_theory.choice.budgets import SHOWN, told
from complexity_theory.choice.choose import Choice
from complexity_theory.choice.free import Free
from complexity_theory.choice.paths import paths
from complexity_theory.figures import style

UNITS: Mapping[str, tuple[str, float]] = {**style.UNITS, "memory": ("memory (GiB)", 2**30)}
PANELS = 3
NAMED = 4  # strategies told apart by name and look: those whose candidates have most flops; the rest are grey
LOOKS = (
    style.Mark(style.VERMILLION, "o", "-"),
    style.Mark(style.BLUE, "s", (0, (4, 1.5))),
    style.Mark(style.GREEN, "D", (0, (1, 1.2))),
    style.Mark(style.ORANGE, "^", (0, (4, 1.2, 1, 1.2))),
)


def draw(choice: Choice, free: Free | None = None) -> Figure:
    """Flops against each cost that is bounded (at most three panels): lines of strategies, and the front where there is
    one; bounds as lines; the candidates marked, the best with a ring. Times are those that budgets hold for.
    """
    with mpl.rc_context(dict(style.RC)):
        return _drawn(choice, free, paths(choice))


def _drawn(choice: Choice, free: Free | None, rows: Sequence[Mapping[str, Any]]) -> Figure:
    names = tuple(device.name for device in choice.devices)
    bounds = {(name, device): bound for name, device, bound in choice.budgets.bounds(names) if name != "flops"}
    axes_of = [*bounds, *((name, device) for name, device in (("params", None),) if not bounds)][:PANELS]
    shown = {candidate.strategy.name: look for candidate, look in zip(choice.candidates[:NAMED], LOOKS, strict=False)}
    grey = style.Mark(style.GREY, "", "-")
    figure = style.new(3.2, width=min(style.WIDTH, 3.6 * len(axes_of)))
    for index, (name, device) in enumerate(axes_of):
        axes = figure.add_subplot(1, len(axes_of), index + 1)
        label, unit = UNITS[name]
        for candidate in reversed(choice.candidates):
            strategy = candidate.strategy.name
            mine = [row for row in rows if row["strategy"] == strategy]
            mark = shown.get(strategy, grey)
            x, y = [_of(row, name, device) / unit for row in mine], [row["flops"] / 1e9 for row in mine]
            axes.plot(x, y, color=mark.colour, linestyle=mark.line, linewidth=1.2 if strategy in shown else 0.7)
            for row in mine:
                if row["chosen"]:
                    at = (_of(row, name, device) / unit, row["flops"] / 1e9)
                    axes.plot(*at, color=mark.colour, marker=mark.marker or ".", markersize=4)
                    if candidate is choice.best:
                        axes.plot(*at, marker="o", markersize=10, fillstyle="none", color=style.BLACK, linestyle="")
        front = free.fronts.get(told(name, device, len(names) == 1)) if free and free.measure == "flops" else None
        if front:
            axes.plot(
                [cost / unit for cost, _ in front], [flops / 1e9 for _, flops in front], color=style.BLACK, linewidth=1
            )
        if (name, device) in bounds:
            axes.axvline(bounds[name, device] / unit, color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
        if choice.budgets.flops is not None:
            axes.axhline(choice.budgets.flops / 1e9, color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
        on = f" on {device}" if device is not None else ""
        axes.set_title(style.panel(index, SHOWN[name] + on), loc="left", fontsize=8.5)
        axes.set_xlabel(label)
        if not index:
            axes.set_ylabel(style.UNITS["flops"][0])
        style.log(axes.xaxis, decades=1.9)
        style.log(axes.yaxis, decades=1.9)
    handles = [
        *(
            Line2D([], [], color=mark.colour, linestyle=mark.line, marker=mark.marker, markersize=4, label=name)
            for name, mark in shown.items()
        ),
        *(
            [Line2D([], [], color=style.GREY, linewidth=0.7, label="other strategies")]
            if len(choice.candidates) > NAMED
            else []
        ),
        *([Line2D([], [], color=style.BLACK, linewidth=1, label="front of all variants")] if free else []),
        Line2D([], [], color=style.QUIET, linewidth=0.8, linestyle=(0, (2, 2)), label="budget"),
        Line2D([], [], color=style.BLACK, marker="o", fillstyle="none", markersize=7, linestyle="", label="the choice"),
    ]
    style.legend_below(figure, handles, columns=min(4, len(handles)))
    return figure


def _of(row: Mapping[str, Any], name: str, device: str | None) -> float:
    return float(row[name] if device is None else row[name][device])

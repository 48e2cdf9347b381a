"""The house style of the figures: fonts, sizes, colours, axes. No data and no formula."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import MADE
from complexity_theory.core.palette import BASES as BASES
from complexity_theory.core.palette import BLACK as BLACK
from complexity_theory.core.palette import BLUE as BLUE
from complexity_theory.core.palette import BROWN as BROWN
from complexity_theory.core.palette import GREEN as GREEN
from complexity_theory.core.palette import GREY as GREY
from complexity_theory.core.palette import GROUPED as GROUPED
from complexity_theory.core.palette import METRICS as METRICS
from complexity_theory.core.palette import ORANGE as ORANGE
from complexity_theory.core.palette import PURPLE as PURPLE
from complexity_theory.core.palette import QUIET as QUIET
from complexity_theory.core.palette import SKY as SKY
from complexity_theory.core.palette import STRATEGIES as STRATEGIES
from complexity_theory.core.palette import VERMILLION as VERMILLION
from complexity_theory.core.palette import Mark as Mark
from complexity_theory.core.text import printable

WIDTH = 6.9  # inches: the text width of a two-column paper
PNG_DPI = 160

# What is set while a figure is made and saved. STIX comes with matplotlib and SVG text is drawn as paths, so that every
# machine draws the same glyphs; the salt makes the ids within an SVG file the same each time.
RC = MappingProxyType(
    {
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8.5,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
        "lines.linewidth": 1.4,
        "lines.markersize": 4.5,
        "legend.frameon": False,
        "legend.handlelength": 2.2,
        "text.hinting": "none",
        "figure.constrained_layout.h_pad": 0.03,
        "figure.constrained_layout.w_pad": 0.03,
        "svg.fonttype": "path",
        "svg.hashsalt": "complexity_theory",
    }
)

OTHERS = (
    Mark(BLACK, "v", "-"),
    Mark(SKY, "P", (0, (4, 1.5))),
    Mark(BLACK, "X", (0, (1, 1.2))),
)  # strategies of one's own
# Axis labels of the metrics, with the unit that divides them.
UNITS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "flops": ("flops ($10^9$ multiply-adds)", 1e9),
        "params": ("params (millions)", 1e6),
        "acts": ("acts (millions of elements)", 1e6),
        "seconds": ("time per image (ms)", 1e-3),
    }
)


def new(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of the house, sizes in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def panel(index: int, title: str) -> str:
    """The title of a panel, with its letter.

    >>> panel(1, "params")
    '(b) params'
    """
    return f"({chr(ord('a') + index)}) {title}"


def log(axis: Any, ticks: Iterable[float] | None = None, decades: float = 1.6) -> None:
    """Makes an axis logarithmic, with plain numbers at ``ticks``.

    By default at 1, 2, 5, 10 where it spans less than ``decades``, else at 1, 10, 100, and at more where it spans less
    than one: call it when limits are set.
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    if ticks is not None:
        axis.set_major_locator(FixedLocator(list(ticks)))
        axis.set_minor_locator(NullLocator())
        return
    low, high = axis.get_view_interval()
    wide: tuple[float, ...] = (1.0, 2.0, 5.0) if high / low < 10**decades else (1.0,)
    subs = next((denser for denser in (wide, *DENSER) if _ticks(low, high, denser) >= FEWEST_TICKS), DENSER[-1])
    axis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axis.set_minor_locator(LogLocator(subs=tuple(range(1, 10)), numticks=100))


FEWEST_TICKS = 3  # with numbers, on an axis
DENSER: tuple[tuple[float, ...], ...] = (
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
)


def _ticks(low: float, high: float, subs: Iterable[float]) -> int:
    """How many of the ticks at ``subs`` of every decade lie between two values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return sum(low <= sub * 10.0**decade <= high for decade in decades for sub in subs)


def line(axes: Any, x: Any, y: Any, mark: Mark, **options: Any) -> None:
    """A line with markers in the look of a series; its markers are whole at the edges of the axes too."""
    look = {"linestyle": mark.line, "clip_on": False, **options}
    axes.plot(x, y, color=mark.colour, marker=mark.marker, **look)


def interval(axes: Any, x: Any, low: Any, high: Any, mark: Mark, **options: Any) -> None:
    """Thin bars from low to high at x, in the colour of a series."""
    look = {"linewidth": 0.7, "alpha": 0.6, **options}
    axes.vlines(x, low, high, color=mark.colour, clip_on=False, **look)


def marks(names: Iterable[str], known: Mapping[str, Mark]) -> dict[str, Mark]:
    """A mark for each of the names: its own where it is known, others that are not taken for the rest.

    >>> marks(["w", "mine"], STRATEGIES)["mine"] in OTHERS
    True
    """
    names = list(dict.fromkeys(names))
    free = cycle(OTHERS)
    return {name: known[name] if name in known else next(free) for name in names}


def note(axes: Any, text: str, at: tuple[float, float], shift: tuple[float, float], **options: Any) -> None:
    """A small remark beside a point; ``shift`` in printer's points."""
    settings = {"color": QUIET, "fontsize": 8, **options}
    axes.annotate(text, at, shift, textcoords="offset points", **settings)


def line_ends(axes: Any, labels: Iterable[tuple[float, str, str]], gap: float = 0.062) -> None:
    """Labels (height of the line's end, text, colour) to the right of the axes.

    Labels keep at least ``gap`` (a share of the axes' height) between them. Call it when scales and limits are set.
    """
    to_axes = axes.transData + axes.transAxes.inverted()
    x = axes.get_xlim()[1]
    lowest = -1.0
    for height, text, colour in sorted(labels, key=lambda label: label[0]):
        lowest = max(float(to_axes.transform((x, height))[1]), lowest + gap)
        axes.text(1.03, lowest, text, color=colour, transform=axes.transAxes, va="center", fontsize=8.5)


def dots(mark: Mark, **options: Any) -> dict[str, Any]:
    """Options of ``plot`` for dots in the look of a series: rimmed in white, so that they stay apart in a crowd."""
    rim = {} if mark.marker in "x+" else {"markeredgecolor": "white", "markeredgewidth": 0.3}
    size = {"D": 3.4, "*": 6.0, "s": 4.0}.get(mark.marker, 4.5)  # which look alike large
    return {"color": mark.colour, "marker": mark.marker, "markersize": size, "linestyle": "", **rim, **options}


def corner(axes: Any, text: str, *, over_lines: bool = False) -> None:
    """A remark in the upper left corner of the axes, which a rising cloud leaves free; lines may pass behind it."""
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.2} if over_lines else None
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", fontsize=8.5, bbox=paper)


def plain(name: str) -> str:
    """A name as it is, also where matplotlib would take it for a formula, or leave it out of a legend."""
    return printable(name).replace("$", r"\$").lstrip("_")


def handles(marks: Mapping[str, Mark]) -> list[Line2D]:
    """Legend entries of series drawn by ``line``."""
    return [
        Line2D([], [], color=mark.colour, linestyle=mark.line, marker=mark.marker, label=name)
        for name, mark in marks.items()
    ]


def legend_below(figure: Figure, handles: list[Any], columns: int | None = None) -> None:
    """One legend for all panels, under them, where it covers nothing."""
    look = {"columnspacing": 1.4, "handletextpad": 0.5}
    figure.legend(handles=handles, loc="outside lower center", ncols=columns or len(handles), **look)


def png(figure: Figure) -> bytes:
    """The figure as PNG, without metadata that changes."""
    return _saved(figure, "png", {"Software": MADE}, dpi=PNG_DPI)


def svg(figure: Figure) -> bytes:
    """The figure as SVG, without metadata that changes."""
    return _saved(figure, "svg", {"Date": None, "Creator": MADE})


def pdf(figure: Figure) -> bytes:
    """The figure as PDF, without metadata that changes."""
    return _saved(figure, "pdf", {"CreationDate": None, "Creator": MADE, "Producer": None})


FORMS: Mapping[str, Callable[[Figure], bytes]] = MappingProxyType({"pdf": pdf, "svg": svg, "png": png})


def form_of(path: Path) -> str:
    """The form that a file's suffix asks for. Raises InvalidInput for another.

    >>> form_of(Path("front.SVG"))
    'svg'
    """
    form = path.suffix[1:].lower()
    if form not in FORMS:
        raise InvalidInput(f"a figure is a file of .{', .'.join(FORMS)}, not {path}")
    return form


def _saved(figure: Figure, form: str, metadata: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    with mpl.rc_context(dict(RC)):
        figure.savefig(out, format=form, metadata=metadata, **options)
    return out.getvalue()

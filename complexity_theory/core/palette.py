"""The colours and lines by which series are told apart, in figures and on the page. No data and no formula."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

# Okabe and Ito's palette for the colour-blind, without its yellow, which is lost on white paper.
BLACK, ORANGE, SKY, GREEN = "#000000", "#e69f00", "#56b4e9", "#009e73"
BLUE, VERMILLION, PURPLE, GREY = "#0072b2", "#d55e00", "#cc79a7", "#7f7f7f"
BROWN = "#6b3d12"  # dark beside vermillion, for colour-blind readers too
QUIET = "#555555"  # text and lines that stand back


class Mark(NamedTuple):
    """How one series is told from the others: by colour, by marker and by line, so that grey prints do too."""

    colour: str
    marker: str
    line: Any = "-"


STRATEGIES: Mapping[str, Mark] = MappingProxyType(
    {
        "w": Mark(BLUE, "s", (0, (4, 1.5))),
        "dw": Mark(GREEN, "D", (0, (1, 1.2))),
        "dwr": Mark(ORANGE, "^", (0, (4, 1.2, 1, 1.2))),
        "dWr": Mark(VERMILLION, "o", "-"),
    }
)
# The same on networks, with the group widths scaled as the widths, which the letter g says (dWr scales them anyway).
GROUPED: Mapping[str, Mark] = MappingProxyType(
    {"wg": STRATEGIES["w"], "dwg": STRATEGIES["dw"], "dwgr": STRATEGIES["dwr"], "dWr": STRATEGIES["dWr"]}
)
# The networks that the paper scales.
BASES: Mapping[str, Mark] = MappingProxyType(
    {
        "EfficientNet-B0": Mark(VERMILLION, "^", "-"),
        "RegNetY-500MF": Mark(SKY, "s", (0, (4, 1.5))),
        "RegNetZ-500MF": Mark(BLACK, "*", (0, (1, 1.2))),
    }
)
METRICS: Mapping[str, Mark] = MappingProxyType(
    {
        "flops": Mark(BLUE, "s", (0, (4, 1.5))),
        "params": Mark(GREEN, "D", (0, (1, 1.2))),
        "acts": Mark(VERMILLION, "o", "-"),
    }
)

"""How families of networks look in a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from matplotlib.lines import Line2D

from complexity_theory.figures.style import BLACK, BLUE, BROWN, GREEN, GREY, PURPLE, SKY, VERMILLION, Mark, dots
from complexity_theory.zoo import kin

OTHER = "other"
# From the back to the front: the families of the paper are drawn last.
MARKS: Mapping[str, Mark] = MappingProxyType(
    {
        OTHER: Mark("#bbbbbb", "."),
        "ResNet": Mark(GREY, "D", (0, (4, 1.5))),
        "ResNeXt": Mark(BLACK, "x", (0, (1, 1.2))),
        "VGG": Mark(BLACK, "+"),
        "ConvNeXt": Mark(PURPLE, "h"),
        "ViTP": Mark(PURPLE, "d", (0, (1, 1.2))),
        "ViTC": Mark(GREEN, "d", (0, (4, 1.5))),
        "MobileNet": Mark(GREEN, "P"),
        "EfficientNet": Mark(VERMILLION, "^"),
        "EfficientNetV2": Mark(BROWN, "v", (0, (4, 1.5))),
        "RegNetX": Mark(BLUE, "o"),
        "RegNetY": Mark(SKY, "s"),
        "RegNetZ": Mark(BLACK, "*"),
    }
)


def group(family: str) -> str:
    """What a family is shown as: itself, its kin, or ``OTHER``.

    >>> group("MNASNet"), group("Inception")
    ('MobileNet', 'other')
    """
    return next((name for name in (family, kin(family)) if name in MARKS), OTHER)


def handles(groups: Iterable[str], *, joined: bool = False) -> list[Line2D]:
    """Legend entries of the groups that occur, in the order of ``MARKS``; ``joined``: with the lines that join them."""
    present = set(groups)
    return [Line2D([], [], label=name, **look(name, joined=joined)) for name in MARKS if name in present]


def look(name: str, *, joined: bool = False) -> dict[str, Any]:
    """Options of ``plot`` for the dots of a group; ``joined``: with a thin line between them."""
    return dots(MARKS[name], **({"linestyle": MARKS[name].line, "linewidth": 0.8} if joined else {}))

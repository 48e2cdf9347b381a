"""EfficientNet (Tan and Le 2019) and MobileNetV2 (Sandler et al. 2018): stages of inverted bottlenecks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

from complexity_theory.networks.spec import Network, Stage


class Row(NamedTuple):
    """A row of the tables that define these networks."""

    ratio: int
    width: int
    depth: int
    stride: int
    kernel: int


# Tan and Le 2019, table 1
EFFICIENTNET_B0 = (
    Row(1, 16, 1, 1, 3),
    Row(6, 24, 2, 2, 3),
    Row(6, 40, 2, 2, 5),
    Row(6, 80, 3, 2, 3),
    Row(6, 112, 3, 1, 5),
    Row(6, 192, 4, 2, 5),
    Row(6, 320, 1, 1, 3),
)

# Sandler et al. 2018, table 2
MOBILENET_V2 = (
    Row(1, 16, 1, 1, 3),
    Row(6, 24, 2, 2, 3),
    Row(6, 32, 3, 2, 3),
    Row(6, 64, 4, 2, 3),
    Row(6, 96, 3, 1, 3),
    Row(6, 160, 3, 2, 3),
    Row(6, 320, 1, 1, 3),
)


def rounded_width(width: float, multiple: int = 8) -> int:
    """A width to the nearest multiple of 8, never more than a tenth below (MobileNet's and EfficientNet's rule).

    >>> rounded_width(32 * 1.1), rounded_width(11)
    (32, 16)
    """
    rounded = max(multiple, int(width + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * width else rounded


def efficientnet(name: str, *, family: str, width: float, depth: float, resolution: int, dropout: float) -> Network:
    """EfficientNet-B0 scaled by the width and depth coefficients of a variant (B1 to B7), rounded as published."""
    stages = tuple(
        Stage(
            block="mbconv",
            depth=math.ceil(row.depth * depth),
            width=rounded_width(row.width * width),
            stride=row.stride,
            kernel=row.kernel,
            ratio=Fraction(row.ratio),
            se=Fraction(1, 4),
            activation="silu",
            se_activation="silu",
        )
        for row in EFFICIENTNET_B0
    )
    return Network(
        name=name,
        family=family,
        stem="conv3",
        stem_width=rounded_width(32 * width),
        stages=stages,
        head_width=rounded_width(1280 * width),
        activation="silu",
        resolution=resolution,
        dropout=dropout,
        scales_ends=True,
    )


def mobilenet_v2(name: str, *, family: str, width: float = 1.0, resolution: int = 224) -> Network:
    """MobileNetV2 with a width multiplier; the head keeps at least 1280 channels, as published."""
    stages = tuple(
        Stage(
            block="mbconv",
            depth=row.depth,
            width=rounded_width(row.width * width),
            stride=row.stride,
            kernel=row.kernel,
            ratio=Fraction(row.ratio),
            activation="relu6",
        )
        for row in MOBILENET_V2
    )
    return Network(
        name=name,
        family=family,
        stem="conv3",
        stem_width=rounded_width(32 * width),
        stages=stages,
        head_width=max(1280, rounded_width(1280 * width)),
        activation="relu6",
        resolution=resolution,
        dropout=0.2,
        scales_ends=True,
    )

"""EfficientNet, its Lite, Edge and Tiny kin, and EfficientNetV2."""

from __future__ import annotations

from functools import partial

from complexity_theory.networks.rounding import rounded_width
from complexity_theory.networks.rows import BlockRow, from_rows
from complexity_theory.networks.spec import Network
from complexity_theory.zoo.entry import Entry, Family

FAMILIES = {
    name: Family(name, kin="EfficientNet")
    for name in ("EfficientNet", "EfficientNet-Lite", "EfficientNet-Edge", "TinyNet", "EfficientNetV2")
}

# Tan and Le 2019, table 1
B0 = (
    BlockRow("mbconv", 1, 16, 1, 1, 3, se=True),
    BlockRow("mbconv", 6, 24, 2, 2, 3, se=True),
    BlockRow("mbconv", 6, 40, 2, 2, 5, se=True),
    BlockRow("mbconv", 6, 80, 3, 2, 3, se=True),
    BlockRow("mbconv", 6, 112, 3, 1, 5, se=True),
    BlockRow("mbconv", 6, 192, 4, 2, 5, se=True),
    BlockRow("mbconv", 6, 320, 1, 1, 3, se=True),
)
# EfficientNet-EdgeTPU: Gupta and Akin 2020; timm efficientnet.py
EDGE = (
    BlockRow("fused-mbconv", 4, 24, 1, 1, 3, base=24),
    BlockRow("fused-mbconv", 8, 32, 2, 2, 3),
    BlockRow("fused-mbconv", 8, 48, 4, 2, 3),
    BlockRow("mbconv", 8, 96, 5, 2, 5),
    BlockRow("mbconv", 8, 144, 4, 1, 5),
    BlockRow("mbconv", 8, 192, 2, 2, 5),
)
# Tan and Le 2021, table 4, and its reference implementation (github.com/google/automl, efficientnetv2)
V2_BASE = (
    BlockRow("conv", 1, 16, 1, 1, 3),
    BlockRow("fused-mbconv", 4, 32, 2, 2, 3),
    BlockRow("fused-mbconv", 4, 48, 2, 2, 3),
    BlockRow("mbconv", 4, 96, 3, 2, 3, se=True),
    BlockRow("mbconv", 6, 112, 5, 1, 3, se=True),
    BlockRow("mbconv", 6, 192, 8, 2, 3, se=True),
)
V2_S = (
    BlockRow("conv", 1, 24, 2, 1, 3),
    BlockRow("fused-mbconv", 4, 48, 4, 2, 3),
    BlockRow("fused-mbconv", 4, 64, 4, 2, 3),
    BlockRow("mbconv", 4, 128, 6, 2, 3, se=True),
    BlockRow("mbconv", 6, 160, 9, 1, 3, se=True),
    BlockRow("mbconv", 6, 256, 15, 2, 3, se=True),
)
# timm's own small one, made before the reference was published
V2_RW = (BlockRow("fused-mbconv", 1, 24, 2, 1, 3), *V2_S[1:-1], BlockRow("mbconv", 6, 272, 15, 2, 3, se=True))
V2_M = (
    BlockRow("conv", 1, 24, 3, 1, 3),
    BlockRow("fused-mbconv", 4, 48, 5, 2, 3),
    BlockRow("fused-mbconv", 4, 80, 5, 2, 3),
    BlockRow("mbconv", 4, 160, 7, 2, 3, se=True),
    BlockRow("mbconv", 6, 176, 14, 1, 3, se=True),
    BlockRow("mbconv", 6, 304, 18, 2, 3, se=True),
    BlockRow("mbconv", 6, 512, 5, 1, 3, se=True),
)
V2_L = (
    BlockRow("conv", 1, 32, 4, 1, 3),
    BlockRow("fused-mbconv", 4, 64, 7, 2, 3),
    BlockRow("fused-mbconv", 4, 96, 7, 2, 3),
    BlockRow("mbconv", 4, 192, 10, 2, 3, se=True),
    BlockRow("mbconv", 6, 224, 19, 1, 3, se=True),
    BlockRow("mbconv", 6, 384, 25, 2, 3, se=True),
    BlockRow("mbconv", 6, 640, 7, 1, 3, se=True),
)
V2_XL = (
    BlockRow("conv", 1, 32, 4, 1, 3),
    BlockRow("fused-mbconv", 4, 64, 8, 2, 3),
    BlockRow("fused-mbconv", 4, 96, 8, 2, 3),
    BlockRow("mbconv", 4, 192, 16, 2, 3, se=True),
    BlockRow("mbconv", 6, 256, 24, 1, 3, se=True),
    BlockRow("mbconv", 6, 512, 32, 2, 3, se=True),
    BlockRow("mbconv", 6, 640, 8, 1, 3, se=True),
)

# variant: (width, depth, resolution, dropout). Tan and Le 2019 (B0 to B7); Xie et al. 2020 (B8, L2)
EFFICIENTNET = {
    "B0": (1.0, 1.0, 224, 0.2),
    "B1": (1.0, 1.1, 240, 0.2),
    "B2": (1.1, 1.2, 260, 0.3),
    "B3": (1.2, 1.4, 300, 0.3),
    "B4": (1.4, 1.8, 380, 0.4),
    "B5": (1.6, 2.2, 456, 0.4),
    "B6": (1.8, 2.6, 528, 0.5),
    "B7": (2.0, 3.1, 600, 0.5),
    "B8": (2.2, 3.6, 672, 0.5),
    "L2": (4.3, 5.3, 800, 0.5),
}
# variant: (width, depth, resolution, dropout). github.com/tensorflow/tpu, models/official/efficientnet/lite
LITE = {
    0: (1.0, 1.0, 224, 0.2),
    1: (1.0, 1.1, 240, 0.2),
    2: (1.1, 1.2, 260, 0.3),
    3: (1.2, 1.4, 280, 0.3),
    4: (1.4, 1.8, 300, 0.3),
}
# variant: (width, depth, resolution). github.com/tensorflow/tpu, models/official/efficientnet/edgetpu
EDGES = {"S": (1.0, 1.0, 224), "M": (1.0, 1.1, 240), "L": (1.2, 1.4, 300)}
# variant: (width, depth, resolution). Han et al. 2020, table 7 (TinyNet)
TINY = {
    "A": (1.0, 1.2, 192),
    "B": (0.75, 1.1, 188),
    "C": (0.54, 0.85, 184),
    "D": (0.54, 0.695, 152),
    "E": (0.51, 0.6, 106),
}
# variant: (width, depth, resolution)
V2_B = {0: (1.0, 1.0, 224), 1: (1.0, 1.1, 240), 2: (1.1, 1.2, 260), 3: (1.2, 1.4, 300)}
# variant: (rows, stem width, resolution)
V2 = {"S": (V2_S, 24, 384), "M": (V2_M, 24, 480), "L": (V2_L, 32, 480), "XL": (V2_XL, 32, 512)}
# timm's variants: (rows, width, depth, head width, resolution)
V2_TIMM = {
    "T": (V2_S, 0.8, 0.9, 1024, 224),
    "S": (V2_RW, 1.0, 1.0, 1792, 288),
    "M": (V2_RW, 1.2, (1.2, 1.2, 1.2, 1.2, 1.6, 1.6), 2152, 320),
}


_silu = partial(from_rows, activation="silu")


def efficientnet(name: str, *, family: str, width: float, depth: float, resolution: int, dropout: float) -> Network:
    """EfficientNet-B0 scaled by the width and depth coefficients of a variant, rounded as published."""
    return _silu(
        name,
        family=family,
        rows=B0,
        width=width,
        depth=depth,
        stem_width=rounded_width(32 * width),
        head_width=rounded_width(1280 * width),
        resolution=resolution,
        dropout=dropout,
    )


def lite(name: str, *, family: str, width: float, depth: float, resolution: int, dropout: float) -> Network:
    """EfficientNet-Lite: no squeeze-excite, ReLU6; stem, head and the depth of first and last stage stay."""
    return from_rows(
        name,
        family=family,
        rows=[row._replace(se=False) for row in B0],
        width=width,
        depth=[1, *[depth] * (len(B0) - 2), 1],
        stem_width=32,
        head_width=1280,
        activation="relu6",
        resolution=resolution,
        dropout=dropout,
        scales_ends=False,
    )


def edge(name: str, *, family: str, width: float, depth: float, resolution: int) -> Network:
    """EfficientNet-EdgeTPU: fused blocks first, no squeeze-excite, ReLU."""
    return from_rows(
        name,
        family=family,
        rows=EDGE,
        width=width,
        depth=depth,
        stem_width=rounded_width(32 * width),
        head_width=rounded_width(1280 * width),
        activation="relu",
        resolution=resolution,
    )


def tiny(name: str, *, family: str, width: float, depth: float, resolution: int) -> Network:
    """TinyNet: EfficientNet-B0 made smaller in all dimensions; stem and head stay."""
    return _silu(
        name,
        family=family,
        rows=B0,
        width=width,
        depth=depth,
        stem_width=32,
        head_width=1280,
        resolution=resolution,
        scales_ends=False,
        round_depth=at_least_one,
    )


def at_least_one(depth: float) -> int:
    """A depth to the nearest integer, at least 1."""
    return max(1, round(depth))


def v2_base(name: str, *, family: str, width: float, depth: float, resolution: int) -> Network:
    """EfficientNetV2-B0 scaled as EfficientNets are, but with widths to the nearest multiple of 8."""
    round_width = partial(rounded_width, least=0)
    return _silu(
        name,
        family=family,
        rows=V2_BASE,
        width=width,
        depth=depth,
        stem_width=round_width(32 * width),
        head_width=round_width(1280 * width),
        resolution=resolution,
        round_width=round_width,
    )


def entries() -> dict[str, Entry]:
    """The EfficientNets by name."""
    known = {}
    for variant, (width, depth, resolution, dropout) in EFFICIENTNET.items():
        timm = f"efficientnet_{variant.lower()}"
        known[f"EfficientNet-{variant}"] = Entry(
            FAMILIES["EfficientNet"],
            partial(efficientnet, width=width, depth=depth, resolution=resolution, dropout=dropout),
            (timm, f"tf_{timm}", f"EN-{variant}"),
        )
    for size, (width, depth, resolution, dropout) in LITE.items():
        known[f"EfficientNet-Lite{size}"] = Entry(
            FAMILIES["EfficientNet-Lite"],
            partial(lite, width=width, depth=depth, resolution=resolution, dropout=dropout),
            (f"efficientnet_lite{size}", f"tf_efficientnet_lite{size}"),
        )
    for letter, (width, depth, resolution) in EDGES.items():
        timm = f"efficientnet_e{letter.lower()}"
        known[f"EfficientNet-Edge-{letter}"] = Entry(
            FAMILIES["EfficientNet-Edge"],
            partial(edge, width=width, depth=depth, resolution=resolution),
            (timm, f"tf_{timm}"),
        )
    for letter, (width, depth, resolution) in TINY.items():
        known[f"TinyNet-{letter}"] = Entry(
            FAMILIES["TinyNet"],
            partial(tiny, width=width, depth=depth, resolution=resolution),
            (f"tinynet_{letter.lower()}",),
        )
    for size, (width, depth, resolution) in V2_B.items():
        known[f"EfficientNetV2-B{size}"] = Entry(
            FAMILIES["EfficientNetV2"],
            partial(v2_base, width=width, depth=depth, resolution=resolution),
            (f"tf_efficientnetv2_b{size}",),
        )
    for letter, (rows, stem_width, resolution) in V2.items():
        timm = f"efficientnetv2_{letter.lower()}"
        known[f"EfficientNetV2-{letter}"] = Entry(
            FAMILIES["EfficientNetV2"],
            partial(_silu, rows=rows, stem_width=stem_width, head_width=1280, resolution=resolution),
            (timm, f"tf_{timm}", *([f"efficientnet_v2_{letter.lower()}"] if letter != "XL" else [])),
        )
    for letter, (rows, width, depths, head_width, resolution) in V2_TIMM.items():
        build = partial(
            _silu,
            rows=rows,
            width=width,
            depth=depths,
            stem_width=rounded_width(24 * width),
            head_width=head_width,
            resolution=resolution,
        )
        known[f"EfficientNetV2-RW-{letter}"] = Entry(
            FAMILIES["EfficientNetV2"], build, (f"efficientnetv2_rw_{letter.lower()}",)
        )
    return known

"""MobileNets V1 to V3, MNASNets, LCNets: networks for phones, from published tables."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from complexity_theory.networks.rounding import rounded_width
from complexity_theory.networks.rows import BlockRow, from_rows, quarter_of_inner
from complexity_theory.networks.spec import Network
from complexity_theory.zoo.entry import Entry, Family

FAMILIES = {
    name: Family(name, kin="MobileNet")
    for name in ("MobileNetV1", "MobileNetV2", "MobileNetV3", "MNASNet", "SPNASNet", "LCNet")
}

# Howard et al. 2017, table 1
V1 = (
    BlockRow("separable", 1, 64, 1, 1, 3),
    BlockRow("separable", 1, 128, 2, 2, 3),
    BlockRow("separable", 1, 256, 2, 2, 3),
    BlockRow("separable", 1, 512, 6, 2, 3),
    BlockRow("separable", 1, 1024, 2, 2, 3),
)
# Sandler et al. 2018, table 2
V2 = (
    BlockRow("mbconv", 1, 16, 1, 1, 3),
    BlockRow("mbconv", 6, 24, 2, 2, 3),
    BlockRow("mbconv", 6, 32, 3, 2, 3),
    BlockRow("mbconv", 6, 64, 4, 2, 3),
    BlockRow("mbconv", 6, 96, 3, 1, 3),
    BlockRow("mbconv", 6, 160, 3, 2, 3),
    BlockRow("mbconv", 6, 320, 1, 1, 3),
)
# Howard et al. 2019, table 1; expansions as ratios, as in timm's mobilenetv3.py
V3_LARGE = (
    BlockRow("mbconv", 1, 16, 1, 1, 3, activation="relu"),
    BlockRow("mbconv", 4, 24, 1, 2, 3, activation="relu"),
    BlockRow("mbconv", 3, 24, 1, 1, 3, activation="relu"),
    BlockRow("mbconv", 3, 40, 3, 2, 5, activation="relu", se=True),
    BlockRow("mbconv", 6, 80, 1, 2, 3),
    BlockRow("mbconv", 2.5, 80, 1, 1, 3),
    BlockRow("mbconv", 2.3, 80, 2, 1, 3),
    BlockRow("mbconv", 6, 112, 2, 1, 3, se=True),
    BlockRow("mbconv", 6, 160, 3, 2, 5, se=True),
    BlockRow("conv", 1, 960, 1, 1, 1),
)
# Howard et al. 2019, table 2
V3_SMALL = (
    BlockRow("mbconv", 1, 16, 1, 2, 3, activation="relu", se=True),
    BlockRow("mbconv", 4.5, 24, 1, 2, 3, activation="relu"),
    BlockRow("mbconv", 3.67, 24, 1, 1, 3, activation="relu"),
    BlockRow("mbconv", 4, 40, 1, 2, 5, se=True),
    BlockRow("mbconv", 6, 40, 2, 1, 5, se=True),
    BlockRow("mbconv", 3, 48, 2, 1, 5, se=True),
    BlockRow("mbconv", 6, 96, 3, 2, 5, se=True),
    BlockRow("conv", 1, 576, 1, 1, 1),
)
# Tan et al. 2019 (MnasNet), figure 7, with squeeze-excite; and its B1 without
MNASNET_A1 = (
    BlockRow("mbconv", 1, 16, 1, 1, 3),
    BlockRow("mbconv", 6, 24, 2, 2, 3),
    BlockRow("mbconv", 3, 40, 3, 2, 5, se=True),
    BlockRow("mbconv", 6, 80, 4, 2, 3),
    BlockRow("mbconv", 6, 112, 2, 1, 3, se=True),
    BlockRow("mbconv", 6, 160, 3, 2, 5, se=True),
    BlockRow("mbconv", 6, 320, 1, 1, 3),
)
MNASNET_B1 = (
    BlockRow("mbconv", 1, 16, 1, 1, 3),
    BlockRow("mbconv", 3, 24, 3, 2, 3),
    BlockRow("mbconv", 3, 40, 3, 2, 5),
    BlockRow("mbconv", 6, 80, 3, 2, 5),
    BlockRow("mbconv", 6, 96, 2, 1, 3),
    BlockRow("mbconv", 6, 192, 4, 2, 5),
    BlockRow("mbconv", 6, 320, 1, 1, 3),
)
MNASNET_SMALL = (
    BlockRow("mbconv", 1, 8, 1, 1, 3),
    BlockRow("mbconv", 3, 16, 1, 2, 3),
    BlockRow("mbconv", 6, 16, 2, 2, 3),
    BlockRow("mbconv", 6, 32, 4, 2, 5, se=True),
    BlockRow("mbconv", 6, 32, 3, 1, 3, se=True),
    BlockRow("mbconv", 6, 88, 3, 2, 5, se=True),
    BlockRow("mbconv", 6, 144, 1, 1, 3),
)
# Stamoulis et al. 2019, figure 5
SPNASNET = (
    BlockRow("mbconv", 1, 16, 1, 1, 3),
    BlockRow("mbconv", 3, 24, 3, 2, 3),
    BlockRow("mbconv", 6, 40, 1, 2, 5),
    BlockRow("mbconv", 3, 40, 3, 1, 3),
    BlockRow("mbconv", 6, 80, 1, 2, 5),
    BlockRow("mbconv", 3, 80, 3, 1, 3),
    BlockRow("mbconv", 6, 96, 1, 1, 5),
    BlockRow("mbconv", 3, 96, 3, 1, 5),
    BlockRow("mbconv", 6, 192, 4, 2, 5),
    BlockRow("mbconv", 6, 320, 1, 1, 3),
)
# Cui et al. 2021 (PP-LCNet), table 1
LCNET = (
    BlockRow("separable", 1, 32, 1, 1, 3),
    BlockRow("separable", 1, 64, 2, 2, 3),
    BlockRow("separable", 1, 128, 2, 2, 3),
    BlockRow("separable", 1, 256, 1, 2, 3),
    BlockRow("separable", 1, 256, 5, 1, 5),
    BlockRow("separable", 1, 512, 2, 2, 5, se=True),
)

TORCHVISION = {
    "MobileNetV2": ("mobilenet_v2",),
    "MobileNetV3-Large": ("mobilenet_v3_large",),
    "MobileNetV3-Small": ("mobilenet_v3_small",),
    "MNASNet-0.5": ("mnasnet0_5",),
    "MNASNet-0.75": ("mnasnet0_75",),
    "MNASNet": ("mnasnet1_0",),
}


def mobilenet_v1(name: str, *, family: str, width: float, head: bool = False) -> Network:
    """MobileNetV1 with a width multiplier; timm's variant has a 1x1 convolution in the head."""
    return from_rows(
        name,
        family=family,
        rows=V1,
        width=width,
        stem_width=rounded_width(32 * width),
        head_width=max(1024, rounded_width(1024 * width)) if head else None,
        activation="relu6",
    )


def mobilenet_v2(name: str, *, family: str, width: float) -> Network:
    """MobileNetV2 with a width multiplier; the head keeps at least 1280 channels, as published."""
    return from_rows(
        name,
        family=family,
        rows=V2,
        width=width,
        stem_width=rounded_width(32 * width),
        head_width=max(1280, rounded_width(1280 * width)),
        activation="relu6",
    )


def deep_mobilenet_v2(name: str, *, family: str, width: float, depth: float) -> Network:
    """Deeper MobileNetV2s of timm: stem, head and the depth of first and last stage stay."""
    return from_rows(
        name,
        family=family,
        rows=V2,
        width=width,
        depth=[1, *[depth] * (len(V2) - 2), 1],
        stem_width=32,
        head_width=1280,
        activation="relu6",
        scales_ends=False,
    )


def mobilenet_v3(name: str, *, family: str, rows: tuple[BlockRow, ...], head_width: int, width: float) -> Network:
    """MobileNetV3 with a width multiplier; the head stays as published, below 0.75 the stem too."""
    return from_rows(
        name,
        family=family,
        rows=rows,
        width=width,
        stem_width=rounded_width(16 * width) if width >= 0.75 else 16,
        head="pool-conv",
        head_width=head_width,
        activation="hardswish",
        se_width=quarter_of_inner,
        se_activation="relu",
        se_gate="hardsigmoid",
    )


def minimal(name: str, *, family: str, rows: tuple[BlockRow, ...], head_width: int) -> Network:
    """MobileNetV3 with 3x3 convolutions and ReLU only, without squeeze-excite."""
    return from_rows(
        name,
        family=family,
        rows=[row._replace(kernel=min(row.kernel, 3), activation="relu", se=False) for row in rows],
        stem_width=16,
        head="pool-conv",
        head_width=head_width,
        activation="relu",
    )


def nas(
    name: str, *, family: str, rows: tuple[BlockRow, ...], width: float = 1.0, stem: int = 32, head: int = 1280
) -> Network:
    """A network found by search: ReLU, a head of fixed width."""
    return from_rows(
        name,
        family=family,
        rows=rows,
        width=width,
        stem_width=rounded_width(stem * width),
        head_width=head,
        activation="relu",
    )


def lcnet(name: str, *, family: str, width: float) -> Network:
    """PP-LCNet with a width multiplier."""
    return from_rows(
        name,
        family=family,
        rows=LCNET,
        width=width,
        stem_width=rounded_width(16 * width),
        head="pool-conv",
        head_width=1280,
        activation="hardswish",
        se_activation="relu",
        se_gate="hardsigmoid",
    )


def _suffix(width: float) -> str:
    return "" if width == 1 else f"-{width}"


def _percent(width: float) -> str:
    return f"{round(100 * width):03d}"


def entries() -> dict[str, Entry]:
    """The networks for phones by name."""
    known = {}
    for width in (1.0, 1.25):
        known[f"MobileNetV1{_suffix(width)}"] = Entry(
            FAMILIES["MobileNetV1"], partial(mobilenet_v1, width=width), (f"mobilenetv1_{_percent(width)}",)
        )
    known["MobileNetV1-Head"] = Entry(
        FAMILIES["MobileNetV1"], partial(mobilenet_v1, width=1.0, head=True), ("mobilenetv1_100h",)
    )
    for width in (0.35, 0.5, 0.75, 1.0, 1.4):
        known[f"MobileNetV2{_suffix(width)}"] = Entry(
            FAMILIES["MobileNetV2"],
            partial(mobilenet_v2, width=width),
            (f"mobilenetv2_{_percent(width)}",),
        )
    for width, depth in ((1.1, 1.2), (1.2, 1.4)):
        known[f"MobileNetV2-{width}-Deep"] = Entry(
            FAMILIES["MobileNetV2"],
            partial(deep_mobilenet_v2, width=width, depth=depth),
            (f"mobilenetv2_{_percent(width)}d",),
        )
    for size, rows, head_width, widths in (
        ("Large", V3_LARGE, 1280, (0.75, 1.0)),
        ("Small", V3_SMALL, 1024, (0.5, 0.75, 1.0)),
    ):
        for width in widths:
            timm = f"mobilenetv3_{size.lower()}_{_percent(width)}"
            known[f"MobileNetV3-{size}{_suffix(width)}"] = Entry(
                FAMILIES["MobileNetV3"],
                partial(mobilenet_v3, rows=rows, head_width=head_width, width=width),
                (timm, f"tf_{timm}") if width > 0.5 else (timm,),
            )
        known[f"MobileNetV3-{size}-Minimal"] = Entry(
            FAMILIES["MobileNetV3"],
            partial(minimal, rows=rows, head_width=head_width),
            (f"tf_mobilenetv3_{size.lower()}_minimal_100",),
        )
    for width in (0.5, 0.75, 1.0, 1.4):
        known[f"MNASNet{_suffix(width)}"] = Entry(
            FAMILIES["MNASNet"], partial(nas, rows=MNASNET_B1, width=width), (f"mnasnet_{_percent(width)}",)
        )
        known[f"SE-MNASNet{_suffix(width)}"] = Entry(
            FAMILIES["MNASNet"], partial(nas, rows=MNASNET_A1, width=width), (f"semnasnet_{_percent(width)}",)
        )
    known["MNASNet-Small"] = Entry(FAMILIES["MNASNet"], partial(nas, rows=MNASNET_SMALL, stem=8), ("mnasnet_small",))
    known["SPNASNet"] = Entry(FAMILIES["SPNASNet"], partial(nas, rows=SPNASNET), ("spnasnet_100",))
    for width in (0.35, 0.5, 0.75, 1.0, 1.5):
        known[f"LCNet{_suffix(width)}"] = Entry(
            FAMILIES["LCNet"], partial(lcnet, width=width), (f"lcnet_{_percent(width)}",)
        )
    return {name: replace(entry, aliases=entry.aliases + TORCHVISION.get(name, ())) for name, entry in known.items()}

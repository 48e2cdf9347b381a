"""ResNet, ResNeXt and their kin: SE-ResNet, ResNet-RS, ResNetV2; the plain and residual networks for CIFAR."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import NamedTuple

from complexity_theory.networks.resnet import cifar, resnet
from complexity_theory.networks.spec import Network
from complexity_theory.zoo.entry import Entry, Family

FAMILIES = {
    name: Family(name, kin="ResNet")
    for name in ("ResNet", "SE-ResNet", "ResNeXt", "SE-ResNeXt", "ResNet-RS", "ResNetV2", "ResNet-CIFAR")
}

# layers: depths. He et al. 2016, table 1; 10 to 26, 200 and 269: timm resnet.py
BASIC = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK = {
    14: (1, 1, 1, 1),
    26: (2, 2, 2, 2),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    269: (3, 30, 48, 8),
}
# layers: (depths, resolution). Bello et al. 2021, table 11 and timm resnet.py
RESNET_RS = {
    50: ((3, 4, 6, 3), 160),
    101: ((3, 4, 23, 3), 192),
    152: ((3, 8, 36, 3), 256),
    200: ((3, 24, 36, 3), 256),
    270: ((4, 29, 53, 4), 256),
    350: ((4, 36, 72, 4), 288),
    420: ((4, 44, 87, 4), 320),
}


class ResNetVariant(NamedTuple):
    """A variant of He et al. 2019 (*Bag of Tricks*, figure 2) or of timm: its stem and whether shortcuts are pooled."""

    stem: str
    stem_width: int
    pooled: bool


VARIANTS = {
    "": ResNetVariant("resnet", 64, False),
    "c": ResNetVariant("deep", 64, False),
    "d": ResNetVariant("deep", 64, True),
    "s": ResNetVariant("deep", 128, False),
    "t": ResNetVariant("deep-tiered", 64, True),
}
# letter: layers, of the variants that others publish
RESNETS = {
    "": (18, 26, 34, 50, 101, 152, 200),
    "c": (50, 101, 152),
    "d": (18, 26, 34, 50, 101, 152, 200),
    "s": (50, 101, 152),
    "t": (10, 14, 26, 50),
}
SE_RESNETS = {"": (18, 34, 50, 101, 152), "d": (152, 200, 269), "t": (50,)}
# (layers, letter, groups, group width of the first stage). Xie et al. 2017
RESNEXTS = (
    (50, "", 32, 4),
    (50, "d", 32, 4),
    (101, "", 32, 4),
    (152, "", 32, 4),
    (101, "", 32, 8),
    (101, "", 32, 16),
    (101, "", 32, 32),
    (101, "", 64, 4),
)
SE_RESNEXTS = (
    (26, "d", 32, 4),
    (26, "t", 32, 4),
    (50, "", 32, 4),
    (101, "", 32, 4),
    (101, "", 32, 8),
    (101, "d", 32, 8),
    (101, "", 64, 4),
)
# (layers, letter). He et al. 2016b
RESNETS_V2 = ((50, ""), (101, ""), (152, ""), (50, "d"), (101, "d"), (152, "d"), (50, "t"))

# Hu et al. 2018: a sixteenth of the block's width, at least 8
SIXTEENTH = Fraction(1, 16)
SE_BASIC = (Fraction(1, 8), SIXTEENTH, SIXTEENTH, SIXTEENTH)


def _residual(layers: int, letter: str, se: bool = False) -> partial[Network]:
    """What builds a ResNet of so many layers."""
    stem, stem_width, pooled = VARIANTS[letter]
    options = partial(resnet, stem=stem, stem_w=stem_width, pooled=pooled)
    if layers in BASIC:
        widths = (64, 128, 256, 512)
        return partial(
            options, depths=BASIC[layers], block="basic", widths=widths, ratio=Fraction(1), se=SE_BASIC if se else 0
        )
    block = "se-bottleneck" if se else "bottleneck"
    return partial(options, depths=BOTTLENECK[layers], block=block, se=SIXTEENTH if se else 0)


def _next(layers: int, letter: str, groups: int, group_width: int, se: bool = False) -> partial[Network]:
    """What builds a ResNeXt: bottlenecks of ``groups`` groups, their width doubling from stage to stage."""
    return partial(
        _residual(layers, letter, se),
        ratio=Fraction(groups * group_width, 256),
        group_widths=tuple(group_width * 2**stage for stage in range(4)),
    )


def _title(layers: int, letter: str) -> str:
    return f"{layers}-{letter.upper()}" if letter else f"{layers}"


def _pycls(layers: int, letter: str) -> tuple[str, ...]:
    return (f"R-{layers}-1x64d",) if not letter and layers in (50, 101, 152) else ()


def entries() -> dict[str, Entry]:
    """The ResNets by name."""
    known = {}
    for letter, sizes in RESNETS.items():
        for layers in sizes:
            known[f"ResNet-{_title(layers, letter)}"] = Entry(
                FAMILIES["ResNet"], _residual(layers, letter), (f"resnet{layers}{letter}", *_pycls(layers, letter))
            )
    for layers in (50, 101):
        known[f"WideResNet-{layers}-2"] = Entry(
            FAMILIES["ResNet"], partial(_residual(layers, ""), ratio=Fraction(1, 2)), (f"wide_resnet{layers}_2",)
        )
    for letter, sizes in SE_RESNETS.items():
        for layers in sizes:
            known[f"SE-ResNet-{_title(layers, letter)}"] = Entry(
                FAMILIES["SE-ResNet"], _residual(layers, letter, se=True), (f"seresnet{layers}{letter}",)
            )
    for layers, letter, groups, group_width in RESNEXTS:
        size = f"{groups}x{group_width}d"
        pycls = (f"X-{layers}-{size}", f"ResNeXt-{layers}") if size == "32x4d" and not letter else ()
        known[f"ResNeXt-{_title(layers, letter)}-{size}"] = Entry(
            FAMILIES["ResNeXt"], _next(layers, letter, groups, group_width), (f"resnext{layers}{letter}_{size}", *pycls)
        )
    for layers, letter, groups, group_width in SE_RESNEXTS:
        size = f"{groups}x{group_width}d"
        known[f"SE-ResNeXt-{_title(layers, letter)}-{size}"] = Entry(
            FAMILIES["SE-ResNeXt"],
            _next(layers, letter, groups, group_width, se=True),
            (f"seresnext{layers}{letter}_{size}",),
        )
    for layers, (depths, resolution) in RESNET_RS.items():
        build = partial(
            resnet,
            depths=depths,
            block="se-bottleneck",
            stem="deep-conv",
            pooled=True,
            se=Fraction(1, 4),
            resolution=resolution,
        )
        known[f"ResNet-RS-{layers}"] = Entry(FAMILIES["ResNet-RS"], build, (f"resnetrs{layers}",))
    for layers, letter in RESNETS_V2:
        stem, stem_width, pooled = VARIANTS[letter]
        build = partial(
            resnet,
            depths=BOTTLENECK[layers],
            block="preact-bottleneck",
            stem=f"preact-{stem}",
            stem_w=stem_width,
            pooled=pooled,
            head="bn-act-pool",
        )
        known[f"ResNetV2-{_title(layers, letter)}"] = Entry(
            FAMILIES["ResNetV2"], build, (f"resnetv2_{layers}{letter}",)
        )
    for layers in (56, 110):
        known[f"ResNet-{layers}-CIFAR"] = Entry(
            FAMILIES["ResNet-CIFAR"], partial(cifar, layers=layers), (f"ResNet-{layers}", f"R-{layers}")
        )
    known["Plain-56-CIFAR"] = Entry(
        FAMILIES["ResNet-CIFAR"], partial(cifar, layers=56, block="vanilla"), ("V-56", "Plain-56")
    )
    return known

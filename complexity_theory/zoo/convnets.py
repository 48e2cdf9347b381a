"""VGG and ConvNeXt: plain convolutions, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial

from complexity_theory.networks.spec import Network, Stage
from complexity_theory.zoo.entry import Entry, Family

FAMILIES = {name: Family(name, kin=name) for name in ("VGG", "ConvNeXt")}

# layers: convolutions between the poolings. Simonyan and Zisserman 2015, table 1
VGG = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
# size: (depths, width of the first stage). Liu et al. 2022, section 3; atto to nano, xxlarge: timm convnext.py
CONVNEXT = {
    "Atto": ((2, 2, 6, 2), 40),
    "Femto": ((2, 2, 6, 2), 48),
    "Pico": ((2, 2, 6, 2), 64),
    "Nano": ((2, 2, 8, 2), 80),
    "Tiny": ((3, 3, 9, 3), 96),
    "Small": ((3, 3, 27, 3), 96),
    "Base": ((3, 3, 27, 3), 128),
    "Large": ((3, 3, 27, 3), 192),
    "XLarge": ((3, 3, 27, 3), 256),
    "XXLarge": ((3, 4, 30, 3), 384),
}


def vgg(name: str, *, family: str, layers: int, norm: bool) -> Network:
    """A VGG: 3x3 convolutions with bias, max-pooling between stages; the first convolution is the stem."""
    kind = "vgg-bn" if norm else "vgg"
    depths = VGG[layers]
    stages = [Stage(block=kind, depth=depths[0] - 1, width=64)] if depths[0] > 1 else []
    for depth, width in zip(depths[1:], (128, 256, 512, 512), strict=True):
        stages.append(Stage(block=kind, depth=depth, width=width, stride=2))
    return Network(
        name=name,
        family=family,
        stem=kind,
        stem_width=64,
        stages=tuple(stages),
        head="vgg",
        head_width=4096,
        dropout=0.5,
        scales_ends=True,
    )


def convnext(
    name: str, *, family: str, depths: Sequence[int], width: int, stem: str = "patch", head_width: int | None = None
) -> Network:
    """A ConvNeXt: depthwise 7x7 convolutions between 1x1 ones of fourfold width."""
    stages = tuple(
        Stage(
            block="convnext",
            depth=depth,
            width=width * 2**i,
            stride=1 if i == 0 else 2,
            kernel=7,
            ratio=Fraction(4),
            activation="gelu",
        )
        for i, depth in enumerate(depths)
    )
    return Network(
        name=name,
        family=family,
        stem=stem,
        stem_width=width,
        stages=stages,
        head="pool-norm",
        head_width=head_width,
        activation="gelu",
        scales_ends=True,
    )


def entries() -> dict[str, Entry]:
    """The VGGs and ConvNeXts by name."""
    known = {}
    for layers in VGG:
        known[f"VGG-{layers}"] = Entry(FAMILIES["VGG"], partial(vgg, layers=layers, norm=False), (f"vgg{layers}",))
        known[f"VGG-{layers}-BN"] = Entry(FAMILIES["VGG"], partial(vgg, layers=layers, norm=True), (f"vgg{layers}_bn",))
    for size, (depths, width) in CONVNEXT.items():
        known[f"ConvNeXt-{size}"] = Entry(
            FAMILIES["ConvNeXt"], partial(convnext, depths=depths, width=width), (f"convnext_{size.lower()}",)
        )
    for size, stem in (("Femto", "overlap-tiered"), ("Pico", "overlap-tiered"), ("Nano", "overlap")):
        depths, width = CONVNEXT[size]
        known[f"ConvNeXt-{size}-OLS"] = Entry(
            FAMILIES["ConvNeXt"],
            partial(convnext, depths=depths, width=width, stem=stem),
            (f"convnext_{size.lower()}_ols",),
        )
    depths, width = CONVNEXT["Large"]
    known["ConvNeXt-Large-MLP"] = Entry(
        FAMILIES["ConvNeXt"], partial(convnext, depths=depths, width=width, head_width=1536), ("convnext_large_mlp",)
    )
    return known

"""Names of networks, with the parameters published for each, and the aliases of timm and torchvision."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from fractions import Fraction
from functools import cache

from complexity_theory.algebra import InvalidInput
from complexity_theory.networks.anynet import regnet, resnet
from complexity_theory.networks.efficientnet import efficientnet, mobilenet_v2
from complexity_theory.networks.spec import Network

# size: (depth, w0, wa, wm, group width). Radosavovic et al. 2020; pycls configs/dds_baselines/regnetx
_REGNETX = {
    "200MF": (13, 24, 36.44, 2.49, 8),
    "400MF": (22, 24, 24.48, 2.54, 16),
    "600MF": (16, 48, 36.97, 2.24, 24),
    "800MF": (16, 56, 35.73, 2.28, 16),
    "1.6GF": (18, 80, 34.01, 2.25, 24),
    "3.2GF": (25, 88, 26.31, 2.25, 48),
    "4.0GF": (23, 96, 38.65, 2.43, 40),
    "6.4GF": (17, 184, 60.83, 2.07, 56),
    "8.0GF": (23, 80, 49.56, 2.88, 120),
    "12GF": (19, 168, 73.36, 2.37, 112),
    "16GF": (22, 216, 55.59, 2.1, 128),
    "32GF": (23, 320, 69.86, 2.0, 168),
}
# the same, pycls configs/dds_baselines/regnety
_REGNETY = {
    "200MF": (13, 24, 36.44, 2.49, 8),
    "400MF": (16, 48, 27.89, 2.09, 8),
    "600MF": (15, 48, 32.54, 2.32, 16),
    "800MF": (14, 56, 38.84, 2.4, 16),
    "1.6GF": (27, 48, 20.71, 2.65, 24),
    "3.2GF": (21, 80, 42.63, 2.66, 24),
    "4.0GF": (22, 96, 31.41, 2.24, 64),
    "6.4GF": (25, 112, 33.22, 2.27, 72),
    "8.0GF": (17, 192, 76.82, 2.19, 56),
    "12GF": (19, 168, 73.36, 2.37, 112),
    "16GF": (18, 200, 106.23, 2.48, 112),
    "32GF": (20, 232, 115.89, 2.53, 232),
}
# size: (depth, w0, wa, wm, group width, resolution). Dollár et al. 2021; ClassyVision and timm definitions
_REGNETZ = {
    "500MF": (21, 16, 10.7, 2.51, 4, 224),
    "4GF": (28, 48, 14.5, 2.226, 8, 256),
}
# variant: (width, depth, resolution, dropout). Tan and Le 2019
_EFFICIENTNET = {
    0: (1.0, 1.0, 224, 0.2),
    1: (1.0, 1.1, 240, 0.2),
    2: (1.1, 1.2, 260, 0.3),
    3: (1.2, 1.4, 300, 0.3),
    4: (1.4, 1.8, 380, 0.4),
    5: (1.6, 2.2, 456, 0.4),
    6: (1.8, 2.6, 528, 0.5),
    7: (2.0, 3.1, 600, 0.5),
}
# layers: depths. He et al. 2016, table 1
_RESNET = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_RESNET_BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}

# torchvision's names for the sizes that differ from pycls's only in their last digits
_TORCHVISION_SIZES = {"1.6GF": "1_6gf", "3.2GF": "3_2gf", "8.0GF": "8gf"}


def _regnet_aliases(letter: str, size: str) -> list[str]:
    megaflops = round(float(size[:-2]) * (1000 if size.endswith("GF") else 1))
    return [f"regnet{letter}_{megaflops // 100:03d}", f"regnet_{letter}_{_TORCHVISION_SIZES.get(size, size.lower())}"]


def _definitions() -> dict[str, tuple[Callable[[str], Network], list[str]]]:
    """Every known name with what builds it and its aliases; nothing is built here."""
    known: dict[str, tuple[Callable[[str], Network], list[str]]] = {}
    quarter = Fraction(1, 4)
    for letter, table, se in (("x", _REGNETX, Fraction(0)), ("y", _REGNETY, quarter)):
        family = f"RegNet{letter.upper()}"
        for size, (depth, w0, wa, wm, group_w) in table.items():
            known[f"{family}-{size}"] = (
                lambda name, family=family, depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w, se=se: regnet(
                    name, family=family, depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w, se=se
                ),
                _regnet_aliases(letter, size),
            )
    for size, (depth, w0, wa, wm, group_w, resolution) in _REGNETZ.items():
        known[f"RegNetZ-{size}"] = (
            lambda name, depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w, resolution=resolution: regnet(
                name,
                family="RegNetZ",
                depth=depth,
                w0=w0,
                wa=wa,
                wm=wm,
                group_w=group_w,
                ratio=Fraction(4),
                se=quarter,
                block="linear-bottleneck",
                activation="silu",
                head_w=1024,
                resolution=resolution,
            ),
            [_regnet_aliases("z", size)[0]],
        )
    for variant, (width, deep, resolution, dropout) in _EFFICIENTNET.items():
        known[f"EfficientNet-B{variant}"] = (
            lambda name, width=width, deep=deep, resolution=resolution, dropout=dropout: efficientnet(
                name, width=width, depth=deep, resolution=resolution, dropout=dropout
            ),
            [f"efficientnet_b{variant}", f"EN-B{variant}"],
        )
    for layers, depths in _RESNET_BASIC.items():
        known[f"ResNet-{layers}"] = (
            lambda name, depths=depths: resnet(
                name, family="ResNet", depths=depths, block="basic", widths=(64, 128, 256, 512), ratio=Fraction(1)
            ),
            [f"resnet{layers}"],
        )
    for layers, depths in _RESNET.items():
        known[f"ResNet-{layers}"] = (
            lambda name, depths=depths: resnet(name, family="ResNet", depths=depths),
            [f"resnet{layers}", f"R-{layers}-1x64d"],
        )
        known[f"ResNeXt-{layers}-32x4d"] = (
            lambda name, depths=depths: resnet(
                name, family="ResNeXt", depths=depths, ratio=Fraction(1, 2), group_widths=(4, 8, 16, 32)
            ),
            [f"resnext{layers}_32x4d", f"ResNeXt-{layers}", f"X-{layers}-32x4d"],
        )
    for layers in (56, 110):
        known[f"ResNet-{layers}-CIFAR"] = (
            lambda name, layers=layers: resnet(
                name,
                family="ResNet",
                depths=[(layers - 2) // 6] * 3,
                block="basic",
                widths=(16, 32, 64),
                ratio=Fraction(1),
                group_widths=(None,) * 3,
                stem="cifar",
                stem_w=16,
                classes=10,
                resolution=32,
            ),
            [f"ResNet-{layers}", f"R-{layers}"],
        )
    known["MobileNetV2"] = (mobilenet_v2, ["mobilenetv2_100", "mobilenet_v2"])
    return known


@cache
def _aliases() -> dict[str, str]:
    return {alias.lower(): name for name, (_, aliases) in _definitions().items() for alias in (name, *aliases)}


def names() -> tuple[str, ...]:
    """The canonical names of all known networks.

    >>> "RegNetY-4.0GF" in names()
    True
    """
    return tuple(_definitions())


def aliases(name: str) -> tuple[str, ...]:
    """Other names of a network: timm's, torchvision's, pycls's.

    >>> aliases("ResNet-50")
    ('resnet50', 'R-50-1x64d')
    """
    return tuple(_definitions()[canonical(name)][1])


def canonical(name: str) -> str:
    """The canonical name for any known name or alias, in any case. Raises InvalidInput, with near names, for others.

    >>> canonical("regnety_040")
    'RegNetY-4.0GF'
    """
    found = _aliases().get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), _aliases(), n=3)
        hint = f"did you mean {', '.join(sorted({_aliases()[n] for n in near}))}?" if near else "see `networks`"
        raise InvalidInput(f"unknown network {name!r}: {hint}")
    return found


@cache
def network(name: str) -> Network:
    """The network of a known name or alias. Raises InvalidInput for unknown names.

    >>> network("resnet50").complexity().params
    25557032
    """
    found = canonical(name)
    return _definitions()[found][0](found)

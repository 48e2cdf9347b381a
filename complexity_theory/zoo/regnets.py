"""RegNetX, RegNetY, RegNetZ."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from complexity_theory.networks.anynet import regnet
from complexity_theory.zoo.entry import Entry

# size: (depth, w0, wa, wm, group width). Radosavovic et al. 2020; pycls configs/dds_baselines/regnetx
REGNETX = {
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
REGNETY = {
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
REGNETZ = {
    "500MF": (21, 16, 10.7, 2.51, 4, 224),
    "4GF": (28, 48, 14.5, 2.226, 8, 256),
}
SE = Fraction(1, 4)

# torchvision's names of the sizes that are not pycls's in lower case
_TORCHVISION_SIZES = {"1.6GF": "1_6gf", "3.2GF": "3_2gf", "8.0GF": "8gf"}


def _timm(letter: str, size: str) -> str:
    """The name in timm: flops in hundreds of millions, e.g. regnety_040."""
    megaflops = round(float(size[:-2]) * (1000 if size.endswith("GF") else 1))
    return f"regnet{letter}_{megaflops // 100:03d}"


def _torchvision(letter: str, size: str) -> str:
    return f"regnet_{letter}_{_TORCHVISION_SIZES.get(size, size.lower())}"


def entries() -> dict[str, Entry]:
    """The RegNets by name."""
    known = {}
    for letter, table, se in (("x", REGNETX, Fraction(0)), ("y", REGNETY, SE)):
        family = f"RegNet{letter.upper()}"
        for size, (depth, w0, wa, wm, group_w) in table.items():
            known[f"{family}-{size}"] = Entry(
                family,
                partial(regnet, depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w, se=se),
                (_timm(letter, size), _torchvision(letter, size)),
            )
    for size, (depth, w0, wa, wm, group_w, resolution) in REGNETZ.items():
        build = partial(
            regnet,
            depth=depth,
            w0=w0,
            wa=wa,
            wm=wm,
            group_w=group_w,
            ratio=Fraction(4),
            se=SE,
            block="linear-bottleneck",
            activation="silu",
            head_w=1024,
            resolution=resolution,
        )
        known[f"RegNetZ-{size}"] = Entry("RegNetZ", build, (_timm("z", size),))
    return known

"""RegNetX, RegNetY, RegNetZ, and timm's RegNetV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

from complexity_theory.networks.regnet import regnet
from complexity_theory.networks.rounding import rounded_width
from complexity_theory.networks.spec import Network, Stage
from complexity_theory.zoo.entry import Entry, Family

FAMILIES = {name: Family(name, kin="RegNet") for name in ("RegNetX", "RegNetY", "RegNetV", "RegNetZ")}

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
# the same, beyond pycls's: Goyal et al. 2021 (SEER), appendix; torchvision regnet.py, timm regnet.py
REGNETY_LARGE = {
    "64GF": (20, 352, 147.48, 2.4, 328),
    "128GF": (27, 456, 160.83, 2.52, 264),
}
# depths and widths of RegNetY-400MF scaled by dWr to 500 MF, as a test scales it anew
REGNETY_500MF = ((1, 3, 6, 6), (48, 112, 208, 472))
# size: ((depth, w0, wa, wm, group width), resolution). Dollár et al. 2021; ClassyVision and timm definitions
REGNETZ = {
    "500MF": ((21, 16, 10.7, 2.51, 4), 224),
    "4GF": ((28, 48, 14.5, 2.226, 8), 256),
}
# name: (depths, widths, group width, stem, stem width, head width, resolution). timm byobnet.py; b16 is left out, as
# the squeeze-excite widths in it follow no ratio
REGNETZ_TIMM = {
    "C16": ((2, 6, 12, 2), (48, 96, 192, 288), 16, "conv3", 32, 1536, 256),
    "D8": ((3, 6, 12, 3), (64, 128, 256, 384), 8, "deep-tiered-conv", 64, 1792, 256),
    "D32": ((3, 6, 12, 3), (64, 128, 256, 384), 32, "deep-tiered-conv", 64, 1792, 256),
    "E8": ((3, 8, 16, 3), (96, 192, 384, 512), 8, "deep-tiered-conv", 64, 2048, 256),
}
SE = Fraction(1, 4)

# the sizes that torchvision has, in its names
TORCHVISION = {
    "400MF": "400mf",
    "800MF": "800mf",
    "1.6GF": "1_6gf",
    "3.2GF": "3_2gf",
    "8.0GF": "8gf",
    "16GF": "16gf",
    "32GF": "32gf",
    "128GF": "128gf",
}
# the networks that torchvision rounds otherwise than pycls
TORCHVISION_OWN = {("x", "400MF"), ("y", "800MF"), ("y", "8.0GF")}


def _timm(letter: str, size: str) -> str:
    """The name in timm: flops in hundreds of millions, e.g. regnety_040."""
    megaflops = round(float(size[:-2]) * (1000 if size.endswith("GF") else 1))
    return f"regnet{letter}_{megaflops // 100:03d}"


def _regnet(depth: int, w0: int, wa: float, wm: float, group_w: int) -> partial[Network]:
    return partial(regnet, depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w)


def _xy() -> dict[str, Entry]:
    """RegNetX and RegNetY (with squeeze-excite), as pycls and as torchvision round them."""
    known = {}
    for letter, table, se in (("x", REGNETX, Fraction(0)), ("y", {**REGNETY, **REGNETY_LARGE}, SE)):
        family = FAMILIES[f"RegNet{letter.upper()}"]
        for size, numbers in table.items():
            build, timm = partial(_regnet(*numbers), se=se), _timm(letter, size)
            torchvision = (f"regnet_{letter}_{TORCHVISION[size]}",) if size in TORCHVISION else ()
            if (letter, size) in TORCHVISION_OWN:
                known[f"{family.name}-{size}"] = Entry(family, build, (timm,))
                known[f"{family.name}-{size}-TV"] = Entry(
                    family, partial(build, fit=rounded_width), (f"{timm}_tv", *torchvision)
                )
            else:
                known[f"{family.name}-{size}"] = Entry(family, build, (timm, *torchvision))
    return known


def _y_500mf(name: str, *, family: str) -> Network:
    """The third network that Dollár et al. 2021 scale; their parameters for it are not published."""
    base = _regnet(*REGNETY["400MF"])(name, family=family, se=SE)
    stages = tuple(
        replace(stage, depth=depth, width=width)
        for stage, depth, width in zip(base.stages, *REGNETY_500MF, strict=True)
    )
    note = (
        "RegNetY-400MF scaled by dWr to 500MF, rounded by pycls; "
        "the parameters of RegNetY-500MF itself are not published"
    )
    return replace(base, stages=stages, resolution=228, note=note)


def _v() -> dict[str, Entry]:
    """RegNetV: timm's RegNetY with norm and activation before the convolutions."""
    known = {}
    for size, pooled in (("4.0GF", False), ("6.4GF", True)):
        build = partial(
            _regnet(*REGNETY[size]),
            se=SE,
            block="preact-bottleneck",
            activation="silu",
            stem="preact-conv3",
            head="act-pool",
            pooled=pooled,
        )
        known[f"RegNetV-{size}"] = Entry(FAMILIES["RegNetV"], build, (_timm("v", size),))
    return known


def _z() -> dict[str, Entry]:
    """RegNetZ, two of timm with other heads, and those of timm with group convs as wide as four times the input."""
    build = {
        size: partial(
            _regnet(*numbers),
            ratio=Fraction(4),
            se=SE,
            block="linear-bottleneck",
            activation="silu",
            head_w=1024,
            resolution=resolution,
        )
        for size, (numbers, resolution) in REGNETZ.items()
    }
    timm = {
        f"RegNetZ-{name}": Entry(FAMILIES["RegNetZ"], partial(_timm_regnetz, *numbers), (f"regnetz_{name.lower()}",))
        for name, numbers in REGNETZ_TIMM.items()
    }
    return {
        "RegNetZ-500MF": Entry(FAMILIES["RegNetZ"], build["500MF"], ("regnetz_005",)),
        "RegNetZ-4GF": Entry(FAMILIES["RegNetZ"], build["4GF"]),
        "RegNetZ-4GF-NoHead": Entry(
            FAMILIES["RegNetZ"], partial(build["4GF"], head="act-pool", head_w=None), ("regnetz_040",)
        ),
        "RegNetZ-4GF-Head1536": Entry(FAMILIES["RegNetZ"], partial(build["4GF"], head_w=1536), ("regnetz_040_h",)),
        **timm,
    }


def _timm_regnetz(
    depths: Sequence[int],
    widths: Sequence[int],
    group_width: int,
    stem: str,
    stem_width: int,
    head_width: int,
    resolution: int,
    *,
    name: str,
    family: str,
) -> Network:
    """A RegNetZ of timm's own design: not from the generator, and with inner widths four times the block's input."""
    stages = tuple(
        Stage(
            block="group-mbconv",
            depth=depth,
            width=width,
            stride=1 if i == 0 and stem != "conv3" else 2,
            ratio=Fraction(4),
            group_width=group_width,
            se=Fraction(1),
            activation="silu",
        )
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True))
    )
    return Network(
        name=name,
        family=family,
        stem=stem,
        stem_width=stem_width,
        stages=stages,
        head_width=head_width,
        activation="silu",
        resolution=resolution,
        scales_ends=True,
    )


def entries() -> dict[str, Entry]:
    """The RegNets by name."""
    return {**_xy(), "RegNetY-500MF": Entry(FAMILIES["RegNetY"], _y_500mf), **_v(), **_z()}

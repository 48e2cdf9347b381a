"""AnyNets: RegNetX, RegNetY, RegNetZ from the RegNet generator; ResNet and ResNeXt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from complexity_theory.core.checks import check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.spec import Network, Stage

WIDEST = 10**9  # what a RegNet's generator is asked for at most


def nearest_multiple(width: int, multiple: int) -> int:
    """The multiple nearest to a width (half to even), at least one.

    >>> nearest_multiple(392, 16), nearest_multiple(3, 16)
    (384, 16)
    """
    return max(1, round(Fraction(width, multiple))) * multiple


def compatible(
    widths: Sequence[int],
    ratios: Sequence[Fraction],
    group_widths: Sequence[int],
    fit: Callable[[int, int], int] = nearest_multiple,
) -> tuple[list[int], list[int]]:
    """Widths and group widths made to fit each other, as the RegNet generator does (Radosavovic et al. 2020; pycls).

    The group width is cut to the inner width; the inner width goes to the nearest multiple of the group width or, with
    a ratio above 1 (an integer), of the least common multiple of both, so that the width comes out whole. ``fit``
    makes a width a multiple of another (torchvision's RegNets round otherwise than pycls's). Raises InvalidInput for
    sizes below 1, ratios that do not fit and lists of different lengths.

    >>> compatible([32, 80], [Fraction(1), Fraction(1)], [24, 24])
    ([24, 72], [24, 24])
    """
    if not len(widths) == len(ratios) == len(group_widths):
        raise InvalidInput(
            f"one ratio and group width for each of {len(widths)} widths, not {len(ratios)} and {len(group_widths)}"
        )
    fitted_widths, fitted_groups = [], []
    for width, ratio, group_width in zip(widths, ratios, group_widths, strict=True):
        check_size("width", width)
        check_size("group width", group_width)
        if not (is_number(ratio) and ratio > 0):
            raise InvalidInput(f"ratio must be positive, not {ratio!r}")
        if ratio > 1 and ratio.denominator != 1:
            raise InvalidInput(f"a bottleneck ratio above 1 must be an integer, not {ratio}")
        inner = max(1, math.floor(width * ratio))
        group_width = min(group_width, inner)
        multiple = math.lcm(group_width, ratio.numerator) if ratio > 1 else group_width
        fitted_widths.append(math.floor(fit(inner, multiple) / ratio))
        fitted_groups.append(group_width)
    return fitted_widths, fitted_groups


def regnet_widths(depth: int, w_0: float, w_a: float, w_m: float, multiple: int = 8) -> tuple[list[int], list[int]]:
    """Widths and depths of the stages from RegNet's four numbers (Radosavovic et al. 2020, equations 2 to 4).

    Block j has width w_0 + w_a j, quantised to the nearest power of w_m times w_0, then to a ``multiple``.

    >>> regnet_widths(13, 24, 36.44, 2.49)
    ([24, 56, 152, 368], [1, 1, 4, 7])
    """
    check_size("depth", depth)
    if not all(map(is_number, (w_0, w_a, w_m))) or w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % multiple:
        raise InvalidInput(
            f"a RegNet needs wa >= 0, wm > 1 and w0 a positive multiple of {multiple}, not {w_a!r}, {w_m!r}, {w_0!r}"
        )
    if w_0 + w_a * depth > WIDEST:
        raise InvalidInput(f"w0 {w_0} and wa {w_a} give widths beyond {WIDEST} at depth {depth}: use smaller ones")
    blocks = []
    for j in range(depth):
        power = round(math.log((w_0 + w_a * j) / w_0) / math.log(w_m))
        blocks.append(round(w_0 * w_m**power / multiple) * multiple)
    widths = sorted(set(blocks))
    return widths, [blocks.count(width) for width in widths]


def regnet(
    name: str,
    *,
    family: str,
    depth: int,
    w0: int,
    wa: float,
    wm: float,
    group_w: int,
    fit: Callable[[int, int], int] = nearest_multiple,
    ratio: Fraction = Fraction(1),
    se: Fraction = Fraction(0),
    block: str = "bottleneck",
    activation: str = "relu",
    pooled: bool = False,
    stem: str = "conv3",
    stem_w: int = 32,
    head: str = "pool",
    head_w: int | None = None,
    resolution: int = 224,
) -> Network:
    """A RegNet from its generator's numbers: stages of stride 2, by default behind a 3x3 stem of width 32.

    Raises InvalidInput for numbers that generate none.

    >>> regnet("X-200MF", family="RegNetX", depth=13, w0=24, wa=36.44, wm=2.49, group_w=8).widths
    (24, 56, 152, 368)
    """
    widths, depths = regnet_widths(depth, w0, wa, wm)
    n = len(widths)
    widths, group_widths = compatible(widths, [ratio] * n, [group_w] * n, fit)
    stages = tuple(
        Stage(
            block=block,
            depth=d,
            width=w,
            stride=2,
            ratio=ratio,
            group_width=g,
            se=se,
            activation=activation,
            se_activation=activation,
            pooled_shortcut=pooled,
        )
        for d, w, g in zip(depths, widths, group_widths, strict=True)
    )
    return Network(
        name=name,
        family=family,
        stem=stem,
        stem_width=stem_w,
        stages=stages,
        head=head,
        head_width=head_w,
        activation=activation,
        resolution=resolution,
    )


def resnet(
    name: str,
    *,
    family: str,
    depths: Sequence[int],
    block: str = "bottleneck",
    widths: Sequence[int] = (256, 512, 1024, 2048),
    ratio: Fraction = Fraction(1, 4),
    group_widths: Sequence[int | None] = (None, None, None, None),
    se: Fraction | Sequence[Fraction] = Fraction(0),
    pooled: bool = False,
    stem: str = "resnet",
    stem_w: int = 64,
    head: str = "pool",
    resolution: int = 224,
) -> Network:
    """A ResNet or ResNeXt (He et al. 2016; Xie et al. 2017) on ImageNet; ``pooled``: with ResNet-D's shortcuts.

    >>> resnet("ResNet-50", family="ResNet", depths=(3, 4, 6, 3)).complexity().params
    25557032
    """
    ses = se if isinstance(se, Sequence) else [se] * len(depths)
    if not len(depths) == len(widths) == len(group_widths) == len(ses):
        raise InvalidInput(
            f"one width, group width and se for each of {len(depths)} depths, not {len(widths)}, {len(group_widths)} "
            f"and {len(ses)}"
        )
    stages = tuple(
        Stage(
            block=block,
            depth=d,
            width=w,
            stride=1 if i == 0 else 2,
            ratio=ratio,
            group_width=g,
            se=s,
            pooled_shortcut=pooled,
        )
        for i, (d, w, g, s) in enumerate(zip(depths, widths, group_widths, ses, strict=True))
    )
    return Network(
        name=name,
        family=family,
        stem=stem,
        stem_width=stem_w,
        stages=stages,
        head=head,
        resolution=resolution,
    )


def cifar(name: str, *, family: str, layers: int, block: str = "basic") -> Network:
    """A ResNet for CIFAR-10 of 6n + 2 layers, or with vanilla blocks its plain twin (He et al. 2016, section 4.2).

    Raises InvalidInput for other numbers of layers.

    >>> cifar("ResNet-20", family="ResNet", layers=20).complexity().params
    272474
    """
    if type(layers) is not int or layers < 8 or layers % 6 != 2:
        raise InvalidInput(f"a ResNet for CIFAR has 6n + 2 layers, such as 20, not {layers!r}")
    stages = tuple(
        Stage(block=block, depth=(layers - 2) // 6, width=w, stride=1 if i == 0 else 2)
        for i, w in enumerate((16, 32, 64))
    )
    return Network(name=name, family=family, stem="cifar", stem_width=16, stages=stages, classes=10, resolution=32)

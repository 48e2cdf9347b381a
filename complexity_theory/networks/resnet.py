"""ResNets: residual networks of four stages on ImageNet, and those of three on CIFAR-10."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.spec import Network, Stage


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

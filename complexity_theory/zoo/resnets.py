"""ResNet and ResNeXt, and the plain and residual networks for CIFAR."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from complexity_theory.networks.anynet import cifar, resnet
from complexity_theory.zoo.entry import Entry

# layers: depths. He et al. 2016, table 1
BASIC = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def entries() -> dict[str, Entry]:
    """The ResNets by name."""
    known = {}
    for layers, depths in BASIC.items():
        known[f"ResNet-{layers}"] = Entry(
            "ResNet",
            partial(resnet, depths=depths, block="basic", widths=(64, 128, 256, 512), ratio=Fraction(1)),
            (f"resnet{layers}",),
        )
    for layers, depths in BOTTLENECK.items():
        known[f"ResNet-{layers}"] = Entry(
            "ResNet", partial(resnet, depths=depths), (f"resnet{layers}", f"R-{layers}-1x64d")
        )
        known[f"ResNeXt-{layers}-32x4d"] = Entry(
            "ResNeXt",
            partial(resnet, depths=depths, ratio=Fraction(1, 2), group_widths=(4, 8, 16, 32)),
            (f"resnext{layers}_32x4d", f"ResNeXt-{layers}", f"X-{layers}-32x4d"),
        )
    for layers in (56, 110):
        known[f"ResNet-{layers}-CIFAR"] = Entry(
            "ResNet-CIFAR", partial(cifar, layers=layers), (f"ResNet-{layers}", f"R-{layers}")
        )
    known["Plain-56-CIFAR"] = Entry("ResNet-CIFAR", partial(cifar, layers=56, block="vanilla"), ("V-56", "Plain-56"))
    return known

"""MobileNets."""

from __future__ import annotations

from functools import partial

from complexity_theory.networks.efficientnet import mobilenet_v2
from complexity_theory.zoo.entry import Entry


def entries() -> dict[str, Entry]:
    """The MobileNets by name."""
    return {"MobileNetV2": Entry("MobileNetV2", partial(mobilenet_v2, width=1.0), ("mobilenetv2_100", "mobilenet_v2"))}

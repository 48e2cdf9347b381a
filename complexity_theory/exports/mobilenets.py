"""Networks as arguments of torchvision's MobileNetV2 and MobileNetV3 (``torchvision/models/mobilenetv*.py``)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from complexity_theory.exports.refusal import LibraryModel, Refusal, number, squeezed
from complexity_theory.networks.rounding import rounded_width
from complexity_theory.networks.spec import Network

MOBILENET_V2 = "torchvision.models.mobilenetv2.MobileNetV2"
MOBILENET_V3 = "torchvision.models.mobilenetv3.MobileNetV3"


def mobilenet_v2(network: Network, refusal: Refusal) -> LibraryModel:
    """MobileNetV2, whose stem has 32 and whose last conv at least 1280 times the width multiplier."""
    refusal.one_activation(("relu6",))
    refusal.one_kernel(3)
    refusal.unless(network.stem == "conv3", f"its MobileNetV2 has a 3x3 stem, not {network.stem}")
    refusal.unless(network.head == "pool" and network.head_width is not None, "its MobileNetV2 has a conv in the head")
    multiplier = _multiplier(network)
    refusal.unless(
        multiplier is not None,
        "its MobileNetV2 has a stem of 32 m and a last conv of 1280 m, at least 1280, for one multiplier m, here are "
        f"{network.stem_width} and {network.head_width}",
    )
    assert multiplier is not None
    refusal.eights()
    rows = [[number(stage.ratio), stage.width / multiplier, stage.depth, stage.stride] for stage in network.stages]
    values: dict[str, Any] = {
        "width_mult": multiplier,
        "inverted_residual_setting": [[t, number(Fraction(c)), n, s] for t, c, n, s in rows],
        "num_classes": network.classes,
        "dropout": network.dropout,
    }
    settings = "".join(
        f"    {row},  # expansion, channels, blocks, stride\n" for row in values["inverted_residual_setting"]
    )
    python = (
        "from torchvision.models.mobilenetv2 import MobileNetV2\n\n"
        f"settings = [\n{settings}]\n"
        f"model = MobileNetV2(\n    num_classes={network.classes},\n    width_mult={multiplier},\n"
        f"    inverted_residual_setting=settings,\n    dropout={network.dropout},\n)\n"
    )
    return LibraryModel(MOBILENET_V2, values, python)


def _multiplier(network: Network) -> float | None:
    """The width multiplier that gives stem and last conv; None where none does."""
    assert network.head_width is not None
    for multiplier in (1.0, network.stem_width / 32, network.head_width / 1280):
        ends = (rounded_width(32 * multiplier), rounded_width(1280 * max(1.0, multiplier)))
        if ends == (network.stem_width, network.head_width):
            return float(multiplier)
    return None


def mobilenet_v3(network: Network, refusal: Refusal) -> LibraryModel:
    """MobileNetV3: a row for each block, and a last 1x1 conv of 6 times the width before it."""
    *stages, last = network.stages
    inputs = network.input_widths
    refusal.unless({stage.block for stage in stages} == {"mbconv"}, "its MobileNetV3 has blocks of kind mbconv alone")
    refusal.unless((network.stem, network.activation) == ("conv3", "hardswish"), "its MobileNetV3 has Hardswish ends")
    refusal.unless(
        (last.block, last.kernel, last.depth, last.activation) == ("conv", 1, 1, "hardswish")
        and last.width == 6 * inputs[-1],
        f"its MobileNetV3 ends in a 1x1 conv of 6 times the width before it, here of {last.width} after {inputs[-1]}",
    )
    refusal.eights()
    rows = []
    for stage, w_in, squeeze in zip(stages, inputs[:-1], squeezed(network)[:-1], strict=True):
        refusal.unless(
            stage.activation in ("relu", "hardswish"), f"its MobileNetV3 has ReLU or Hardswish, not {stage.activation}"
        )
        for block, (before, se) in enumerate([(w_in, squeeze[0]), *[(stage.width, squeeze[1])] * (stage.depth - 1)]):
            inner = stage.inner_width(before)
            assert inner is not None
            usual = se == rounded_width(inner // 4) and (stage.se_activation, stage.se_gate) == ("relu", "hardsigmoid")
            refusal.unless(
                not stage.se or usual, "its squeeze-excite is a quarter of the inner width, rounded, with ReLU"
            )
            kind = "RE" if stage.activation == "relu" else "HS"
            stride = stage.stride if block == 0 else 1
            rows.append([before, stage.kernel, inner, stage.width, bool(stage.se), kind, stride, 1, 1.0])
    values = {
        "inverted_residual_setting": rows,
        "last_channel": network.head_width,
        "num_classes": network.classes,
        "dropout": network.dropout,
    }
    settings = "".join(f"    InvertedResidualConfig({', '.join(map(repr, row))}),\n" for row in rows)
    python = (
        "from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3\n\n"
        f"settings = [\n{settings}]\n"
        f"model = MobileNetV3(\n    settings,\n    last_channel={network.head_width},\n"
        f"    num_classes={network.classes},\n    dropout={network.dropout},\n)\n"
    )
    return LibraryModel(MOBILENET_V3, values, python)

"""Networks as arguments of torchvision's RegNet and EfficientNet (``torchvision/models/{regnet,efficientnet}.py``)."""

from __future__ import annotations

from pprint import pformat
from typing import Any

from complexity_theory.exports import Refusal, full_group_widths
from complexity_theory.networks.spec import Network

REGNET = "torchvision.models.regnet.RegNet"
EFFICIENTNET = "torchvision.models.efficientnet.EfficientNet"
ACTIVATIONS = {"relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "gelu": "GELU", "hardswish": "Hardswish"}


def arguments(network: Network) -> dict[str, Any]:
    """The class (``model``) and its arguments; ``block_params`` are those of ``BlockParams``.

    Raises InvalidInput, with the reason, where torchvision cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> arguments(network("RegNetY-4.0GF"))["arguments"]["block_params"]["widths"]
    [128, 192, 512, 1088]
    """
    refusal = Refusal("torchvision", network)
    refusal.usual()
    block = refusal.common("block")
    if block == "mbconv":
        return {"model": EFFICIENTNET, "arguments": _efficientnet(network, refusal)}
    refusal.unless(block == "bottleneck", f"its RegNet has bottleneck blocks, its EfficientNet MBConv, not {block}")
    return {"model": REGNET, "arguments": _regnet(network, refusal)}


def _regnet(network: Network, refusal: Refusal) -> dict[str, Any]:
    kernel, se = refusal.common("kernel"), refusal.common("se")
    activation = refusal.one_activation(tuple(ACTIVATIONS))
    refusal.unless(kernel == 3, f"its RegNet has 3x3 convs, not {kernel}x{kernel}")
    refusal.unless(network.head_width is None, "its RegNet has no 1x1 conv in the head")
    refusal.unless(not network.dropout, f"its RegNet has no dropout, here {network.dropout}")
    refusal.unless(network.stem in STEMS, f"its RegNet has no stem of kind {network.stem}")
    return {
        "block_params": {
            "depths": list(network.depths),
            "widths": list(network.widths),
            "group_widths": full_group_widths(network),
            "bottleneck_multipliers": [float(stage.ratio) for stage in network.stages],
            "strides": [stage.stride for stage in network.stages],
            "se_ratio": float(se) if se else None,
        },
        "num_classes": network.classes,
        "stem_width": network.stem_width,
        "stem_type": network.stem,
        "activation": ACTIVATIONS[activation],
    }


def _efficientnet(network: Network, refusal: Refusal) -> dict[str, Any]:
    activation = refusal.one_activation(tuple(ACTIVATIONS))
    refusal.unless(activation == "silu", f"its EfficientNet has SiLU, not {activation}")
    refusal.unless(str(refusal.common("se")) == "1/4", "its MBConv has squeeze-excite of a quarter of the input width")
    refusal.unless(network.stem == "conv3", f"its EfficientNet has a 3x3 stem, not {network.stem}")
    refusal.unless(network.head_width is not None, "its EfficientNet has a 1x1 conv in the head, here is none")
    widths = (*network.input_widths, *network.widths)
    refusal.unless(all(width % 8 == 0 for width in widths), f"its widths are multiples of 8, not {widths}")
    return {
        "inverted_residual_setting": [
            {
                "expand_ratio": float(stage.ratio),
                "kernel": stage.kernel,
                "stride": stage.stride,
                "input_channels": w_in,
                "out_channels": stage.width,
                "num_layers": stage.depth,
            }
            for stage, w_in in zip(network.stages, network.input_widths, strict=True)
        ],
        "dropout": network.dropout,
        "num_classes": network.classes,
        "last_channel": network.head_width,
    }


# RegNet takes its stem as a function of (channels in, width, norm, activation): none given is 3x3 with stride 2.
STEMS = {
    "conv3": "None",
    "resnet": "lambda w_in, w, norm, act: nn.Sequential(\n"
    "    Conv2dNormActivation(w_in, w, 7, 2, norm_layer=norm, activation_layer=act), nn.MaxPool2d(3, 2, 1)\n)",
    "cifar": "lambda w_in, w, norm, act: Conv2dNormActivation(w_in, w, 3, 1, norm_layer=norm, activation_layer=act)",
}


def snippet(network: Network) -> str:
    """Python that builds the network with torchvision, as ``model``. Raises InvalidInput as ``arguments`` does."""
    exported = arguments(network)
    values = exported["arguments"]
    if exported["model"] == EFFICIENTNET:
        settings = ",\n".join(f"    MBConvConfig(**{row})" for row in values["inverted_residual_setting"])
        return (
            "from torchvision.models.efficientnet import EfficientNet, MBConvConfig\n\n"
            f"settings = [\n{settings},\n]\n"
            f"model = EfficientNet(\n    settings,\n    dropout={values['dropout']},\n"
            f"    num_classes={values['num_classes']},\n    last_channel={values['last_channel']},\n)\n"
        )
    return (
        "from torch import nn\nfrom torchvision.models.regnet import BlockParams, RegNet\n"
        "from torchvision.ops.misc import Conv2dNormActivation\n\n"
        f"block_params = BlockParams(**{pformat(values['block_params'], sort_dicts=False)})\n"
        f"stem_type = {STEMS[values['stem_type']]}\n"
        f"model = RegNet(\n    block_params,\n    num_classes={values['num_classes']},\n"
        f"    stem_width={values['stem_width']},\n    stem_type=stem_type,\n"
        f"    activation=nn.{values['activation']},\n)\n"
    )

"""Networks as arguments of torchvision's RegNet, ResNet, EfficientNet, ConvNeXt, VGG (``torchvision/models``)."""

from __future__ import annotations

from pprint import pformat
from typing import Any

from complexity_theory.exports.mobilenets import mobilenet_v2, mobilenet_v3
from complexity_theory.exports.refusal import LibraryModel, Refusal, full_group_widths, squeezed, with_input
from complexity_theory.networks.spec import Network

REGNET = "torchvision.models.regnet.RegNet"
RESNET = "torchvision.models.resnet.ResNet"
EFFICIENTNET = "torchvision.models.efficientnet.EfficientNet"
CONVNEXT = "torchvision.models.convnext.ConvNeXt"
VGG = "torchvision.models.vgg.VGG"
ACTIVATIONS = {"relu": "ReLU", "relu6": "ReLU6", "silu": "SiLU", "gelu": "GELU", "hardswish": "Hardswish"}
PLANES = (64, 128, 256, 512)  # of the four stages of its ResNet
HEADS = ("pool", "pool-conv", "pool-norm", "vgg")


def exported(network: Network) -> LibraryModel:
    """The class, its arguments and the Python that builds the network, as ``model``.

    Raises InvalidInput, with the reason, where torchvision cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> exported(network("RegNetY-4.0GF")).arguments["block_params"]["widths"]
    [128, 192, 512, 1088]
    """
    refusal = Refusal("torchvision", network)
    refusal.usual(*HEADS)
    refusal.plain_shortcuts()
    kinds = {stage.block for stage in network.stages}
    if kinds == {"convnext"}:
        made = _convnext(network, refusal)
    elif kinds <= {"vgg", "vgg-bn"}:
        made = _vgg(network, refusal)
    elif network.head == "pool-conv":
        made = mobilenet_v3(network, refusal)
    elif kinds == {"mbconv"} and not any(stage.se for stage in network.stages):
        made = mobilenet_v2(network, refusal)
    elif kinds <= {"mbconv", "fused-mbconv", "conv"}:
        made = _efficientnet(network, refusal)
    elif kinds == {"basic"} or (kinds == {"bottleneck"} and _is_resnet(network)):
        made = _resnet(network, refusal)
    else:
        named = ", ".join(sorted(kinds))
        refusal.unless(kinds == {"bottleneck"}, f"it has no blocks of kind {named} in a network of stages")
        made = _regnet(network, refusal)
    return LibraryModel(made.model, made.arguments, with_input(made.python, network))


def _regnet(network: Network, refusal: Refusal) -> LibraryModel:
    se = refusal.common("se")
    activation = refusal.one_activation(tuple(ACTIVATIONS))
    refusal.one_kernel(3)
    refusal.unless(network.head == "pool", f"its RegNet has no head of kind {network.head}")
    refusal.unless(network.head_width is None, "its RegNet has no 1x1 conv in the head")
    refusal.unless(not network.dropout, f"its RegNet has no dropout, here {network.dropout}")
    refusal.unless(network.stem in STEMS, f"its RegNet has no stem of kind {network.stem}")
    values: dict[str, Any] = {
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
    python = (
        "from torch import nn\nfrom torchvision.models.regnet import BlockParams, RegNet\n"
        "from torchvision.ops.misc import Conv2dNormActivation\n\n"
        f"block_params = BlockParams(**{pformat(values['block_params'], sort_dicts=False)})\n"
        f"stem_type = {STEMS[network.stem]}\n"
        f"model = RegNet(\n    block_params,\n    num_classes={network.classes},\n"
        f"    stem_width={network.stem_width},\n    stem_type=stem_type,\n"
        f"    activation=nn.{ACTIVATIONS[activation]},\n)\n"
    )
    return LibraryModel(REGNET, values, python)


# RegNet takes its stem as a function of (channels in, width, norm, activation): none given is 3x3 with stride 2.
STEMS = {
    "conv3": "None",
    "resnet": "lambda w_in, w, norm, act: nn.Sequential(\n"
    "    Conv2dNormActivation(w_in, w, 7, 2, norm_layer=norm, activation_layer=act), nn.MaxPool2d(3, 2, 1)\n)",
    "cifar": "lambda w_in, w, norm, act: Conv2dNormActivation(w_in, w, 3, 1, norm_layer=norm, activation_layer=act)",
}


def _is_resnet(network: Network) -> bool:
    """Whether its bottlenecks have the widths, strides and stem of a ResNet, which are not to be chosen there."""
    usual = (tuple(4 * planes for planes in PLANES), (1, 2, 2, 2), "resnet", 64)
    strides = tuple(stage.stride for stage in network.stages)
    plain = not any(stage.se for stage in network.stages)
    own = (network.widths, strides, network.stem, network.stem_width)
    return own == usual and plain and len({stage.ratio for stage in network.stages}) == 1


def _resnet(network: Network, refusal: Refusal) -> LibraryModel:
    block = "BasicBlock" if network.stages[0].block == "basic" else "Bottleneck"
    expansion = 1 if block == "BasicBlock" else 4
    widths = tuple(planes * expansion for planes in PLANES)
    strides = tuple(stage.stride for stage in network.stages)
    refusal.one_kernel(3)
    refusal.unless(network.widths == widths, f"its ResNet of {block}s has the widths {widths}, not {network.widths}")
    refusal.unless(strides == (1, 2, 2, 2), f"its ResNet has the strides 1, 2, 2, 2, not {strides}")
    stem = (network.stem, network.stem_width)
    refusal.unless(stem == ("resnet", 64), f"its ResNet has a 7x7 stem of width 64, not {stem[0]} of {stem[1]}")
    refusal.unless(not refusal.common("se"), "its ResNet has no squeeze-excite")
    refusal.unless(network.head == "pool" and network.head_width is None, "its ResNet has no 1x1 conv in the head")
    refusal.unless(not network.dropout, f"its ResNet has no dropout, here {network.dropout}")
    refusal.unless(refusal.one_activation(("relu",)) == "relu", "its ResNet has ReLU")
    values: dict[str, Any] = {"block": block, "layers": list(network.depths), "num_classes": network.classes}
    if block == "Bottleneck":
        inner = int(network.widths[0] * network.stages[0].ratio)
        groups = {
            w // g for w, g in zip((inner, 2 * inner, 4 * inner, 8 * inner), full_group_widths(network), strict=True)
        }
        refusal.unless(len(groups) == 1, f"its ResNet has one number of groups in all stages, not {sorted(groups)}")
        values |= {"groups": groups.pop()}
        refusal.unless(inner % values["groups"] == 0, f"its groups have whole widths, not {inner} / {values['groups']}")
        values |= {"width_per_group": inner // values["groups"]}
    settings = "".join(f"    {name}={value},\n" for name, value in list(values.items())[2:])
    python = (
        f"from torchvision.models.resnet import {block}, ResNet\n\n"
        f"model = ResNet(\n    {block},\n    {values['layers']},\n{settings})\n"
    )
    return LibraryModel(RESNET, values, python)


def _efficientnet(network: Network, refusal: Refusal) -> LibraryModel:
    refusal.unless(network.head == "pool", f"its EfficientNet has no head of kind {network.head}")
    activations = {network.activation, *(stage.activation for stage in network.stages)}
    activations |= {stage.se_activation for stage in network.stages if stage.se}
    refusal.unless(activations == {"silu"}, f"its EfficientNet has SiLU, not {', '.join(sorted(activations))}")
    refusal.unless(network.stem == "conv3", f"its EfficientNet has a 3x3 stem, not {network.stem}")
    refusal.unless(network.head_width is not None, "its EfficientNet has a 1x1 conv in the head, here is none")
    refusal.unless(network.stem_width % 8 == 0, f"its widths are multiples of 8, not {network.stem_width}")
    refusal.eights()
    rows = []
    for stage, w_in, squeeze in zip(network.stages, network.input_widths, squeezed(network), strict=True):
        fused = stage.block != "mbconv"
        quarter = (w_in // 4, stage.width // 4 if stage.depth > 1 else squeeze[1])
        usual = not stage.se if fused else squeeze == quarter and stage.se_gate == "sigmoid"
        refusal.unless(usual, "its MBConv has squeeze-excite of a quarter of the input width, its FusedMBConv none")
        plain = stage.block != "fused-mbconv" or stage.ratio != 1
        refusal.unless(plain, "its FusedMBConv of ratio 1 is one convolution, here are two")
        rows.append(
            {
                "block": "FusedMBConv" if fused else "MBConv",
                "expand_ratio": float(stage.ratio),
                "kernel": stage.kernel,
                "stride": stage.stride,
                "input_channels": w_in,
                "out_channels": stage.width,
                "num_layers": stage.depth,
            }
        )
    values = {
        "inverted_residual_setting": rows,
        "dropout": network.dropout,
        "num_classes": network.classes,
        "last_channel": network.head_width,
    }
    used = sorted({f"{row['block']}Config" for row in rows})
    settings = ",\n".join(
        f"    {row['block']}Config({', '.join(f'{k}={v}' for k, v in row.items() if k != 'block')})" for row in rows
    )
    python = (
        f"from torchvision.models.efficientnet import EfficientNet, {', '.join(used)}\n\n"
        f"settings = [\n{settings},\n]\n"
        f"model = EfficientNet(\n    settings,\n    dropout={network.dropout},\n"
        f"    num_classes={network.classes},\n    last_channel={network.head_width},\n)\n"
    )
    return LibraryModel(EFFICIENTNET, values, python)


def _convnext(network: Network, refusal: Refusal) -> LibraryModel:
    refusal.unless(network.stem == "patch", f"its ConvNeXt has a stem of 4x4 patches, not {network.stem}")
    refusal.one_kernel(7)
    ratio, activation = refusal.common("ratio"), refusal.one_activation(("gelu",))
    refusal.unless(ratio == 4, f"its ConvNeXt has inner widths of 4 times the width, not {ratio}")
    refusal.unless(activation == "gelu" and not network.dropout, f"its ConvNeXt has no dropout, here {network.dropout}")
    refusal.unless(network.head == "pool-norm", f"its ConvNeXt has no head of kind {network.head}")
    refusal.unless(network.head_width is None, "its ConvNeXt has no hidden layer in the head")
    strides = tuple(stage.stride for stage in network.stages)
    usual = (1, *([2] * (len(strides) - 1)))
    refusal.unless(strides == usual, f"its ConvNeXt has the strides {usual}, not {strides}")
    refusal.unless(network.stem_width == network.widths[0], "its ConvNeXt has a stem as wide as the first stage")
    following = (*network.widths[1:], None)
    rows = [
        {"input_channels": w, "out_channels": after, "num_layers": d}
        for w, after, d in zip(network.widths, following, network.depths, strict=True)
    ]
    values = {"block_setting": rows, "num_classes": network.classes}
    settings = ",\n".join(f"    CNBlockConfig({', '.join(f'{k}={v}' for k, v in row.items())})" for row in rows)
    python = (
        "from torchvision.models.convnext import CNBlockConfig, ConvNeXt\n\n"
        f"block_setting = [\n{settings},\n]\nmodel = ConvNeXt(block_setting, num_classes={network.classes})\n"
    )
    return LibraryModel(CONVNEXT, values, python)


def _vgg(network: Network, refusal: Refusal) -> LibraryModel:
    norm = network.stem == "vgg-bn"
    kinds = {network.stem, *(stage.block for stage in network.stages)}
    refusal.unless(
        kinds == {network.stem} and network.stem.startswith("vgg"), "its VGG has norms everywhere or nowhere"
    )
    refusal.one_kernel(3)
    refusal.one_activation(("relu",))
    refusal.unless(network.head == "vgg", f"its VGG has no head of kind {network.head}")
    ends = (network.widths[-1], network.head_width)
    refusal.unless(ends == (512, 4096), f"its VGG ends in the widths 512 and 4096, not {ends[0]} and {ends[1]}")
    cfg: list[int | str] = [network.stem_width]
    for stage in network.stages:
        refusal.unless(stage.stride in (1, 2), f"its VGG pools by 2, not by {stage.stride}")
        cfg += [*(["M"] if stage.stride == 2 else []), *[stage.width] * stage.depth]
    cfg.append("M")
    values = {"cfg": cfg, "batch_norm": norm, "num_classes": network.classes, "dropout": network.dropout}
    python = (
        "from torchvision.models.vgg import VGG, make_layers\n\n"
        f"cfg = {cfg}\nmodel = VGG(make_layers(cfg, batch_norm={norm}), num_classes={network.classes}, "
        f"dropout={network.dropout})\n"
    )
    return LibraryModel(VGG, values, python)

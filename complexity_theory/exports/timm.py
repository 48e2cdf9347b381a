"""Networks as arguments of timm's classes (huggingface/pytorch-image-models): RegNet, ByobNet, EfficientNet, ...

A ``RegNetCfg`` holds the four numbers of the RegNet generator: where some generate the stages, it is the export. Other
networks of bottlenecks and basic blocks are a ``ByobNet``, which takes each stage by itself. The strings of the
EfficientNet builder (``timm/models/_efficientnet_builder.py``) give each stage by itself too.
"""

from __future__ import annotations

from typing import Any

from complexity_theory.exports.byobnet import byobnet
from complexity_theory.exports.generator import generator
from complexity_theory.exports.refusal import LibraryModel, Refusal, number, squeezed, with_input
from complexity_theory.networks.spec import Network, Stage

REGNET = "timm.models.regnet.RegNet"
EFFICIENTNET = "timm.models.efficientnet.EfficientNet"
MOBILENET_V3 = "timm.models.mobilenetv3.MobileNetV3"
CONVNEXT = "timm.models.convnext.ConvNeXt"
ACTIVATIONS = ("relu", "relu6", "silu", "gelu")
SHORT = {"relu": "re", "relu6": "r6", "hardswish": "hs", "silu": "sw"}  # in the strings of the builder
NAMES = {"hardswish": "hard_swish", "hardsigmoid": "hard_sigmoid"}  # where timm's are others
CONVNEXT_STEMS = {"patch": "patch", "overlap": "overlap", "overlap-tiered": "overlap_tiered"}
HEADS = ("pool", "pool-conv", "pool-norm")
IN_BUILDER = {"mbconv", "fused-mbconv", "conv", "separable"}
IN_BYOBNET = {"bottleneck", "linear-bottleneck", "se-bottleneck", "basic", "group-mbconv"}


def exported(network: Network) -> LibraryModel:
    """The class, its arguments and the Python that builds the network, as ``model``.

    Raises InvalidInput, with the reason, where timm's arguments cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> exported(network("EfficientNet-B0")).arguments["arch_def"][:2]
    [['ds_r1_k3_s1_e1_c16_se0.25'], ['ir_r2_k3_s2_e6_c24_se0.25']]
    """
    refusal = Refusal("timm", network)
    refusal.usual(*HEADS)
    kinds = {stage.block for stage in network.stages}
    if kinds == {"convnext"}:
        made = _convnext(network, refusal)
    elif kinds <= IN_BUILDER:
        made = _builder(network, refusal)
    else:
        named = ", ".join(sorted(kinds))
        refusal.unless(kinds <= IN_BYOBNET, f"it has no network of stages with blocks of kind {named}")
        made = _regnet(network) or byobnet(network, refusal)
    return LibraryModel(made.model, made.arguments, with_input(made.python, network))


def _regnet(network: Network) -> LibraryModel | None:
    """A RegNet, where the network is one and some numbers generate it."""
    stages, first = network.stages, network.stages[0]
    alike = {(s.block, s.kernel, s.stride, s.ratio, s.se, s.activation, s.pooled_shortcut) for s in stages}
    usual = (
        len(stages) == 4
        and len(alike) == 1
        and first.block in ("bottleneck", "linear-bottleneck")
        and (first.kernel, first.stride, first.pooled_shortcut) == (3, 2, False)
        and network.activation == first.activation in ACTIVATIONS
        and (not first.se or all((s.se_activation, s.se_gate) == (s.activation, "sigmoid") for s in stages))
        and (network.stem, network.head) == ("conv3", "pool")
    )
    found = generator(network, first.ratio) if usual else None
    if found is None:
        return None
    values = {
        **found,
        "bottle_ratio": float(first.ratio),
        "se_ratio": float(first.se),
        "stem_width": network.stem_width,
        "linear_out": first.block == "linear-bottleneck",
        "downsample": None if first.block == "linear-bottleneck" else "conv1x1",
        "num_features": network.head_width or 0,
        "act_layer": first.activation,
    }
    fields = "".join(f"    {name}={value!r},\n" for name, value in values.items())
    common = {"num_classes": network.classes, "drop_rate": network.dropout}
    python = (
        "from timm.models.regnet import RegNet, RegNetCfg\n\n"
        f"cfg = RegNetCfg(\n{fields})\n"
        f"model = RegNet(cfg, num_classes={network.classes}, drop_rate={network.dropout})\n"
    )
    return LibraryModel(REGNET, values | common, python)


def _builder(network: Network, refusal: Refusal) -> LibraryModel:
    """A network of the EfficientNet builder, with a 1x1 conv before the pooling (EfficientNet) or behind it."""
    late = network.head == "pool-conv"
    refusal.unless(late or network.head == "pool", f"its builder has no head of kind {network.head}")
    refusal.plain_shortcuts()
    refusal.unless(network.stem == "conv3", f"its builder has a 3x3 stem, not {network.stem}")
    refusal.unless(network.stem_width % 8 == 0, f"it rounds widths to multiples of 8, here is {network.stem_width}")
    refusal.eights()
    refusal.unless(network.activation in SHORT or network.activation == "gelu", f"it has no {network.activation} here")
    squeeze = {(stage.se_activation, stage.se_gate) for stage in network.stages if stage.se}
    refusal.unless(len(squeeze) < 2, "its squeeze-excite has one activation and gate in all stages")
    rows = [
        [_block_string(*row, network, refusal, late)]
        for row in zip(network.stages, network.input_widths, squeezed(network), strict=True)
    ]
    act, forced = NAMES.get(network.activation, network.activation), ""
    if squeeze:
        se_act, gate = squeeze.pop()
        own = {stage.activation for stage in network.stages if stage.se}
        if (own, gate) != ({se_act}, "sigmoid"):
            names = NAMES.get(se_act, se_act), NAMES.get(gate, gate)
            forced = f"partial(SqueezeExcite, force_act_layer=get_act_layer({names[0]!r}), gate_layer={names[1]!r})"
    values: dict[str, Any] = {
        "arch_def": rows,
        "stem_size": network.stem_width,
        "num_features": network.head_width or 0,
        "act_layer": act,
        "num_classes": network.classes,
        "drop_rate": network.dropout,
    }
    kind, module = ("MobileNetV3", "mobilenetv3") if late else ("EfficientNet", "efficientnet")
    strings = "".join(f"    {row!r},\n" for row in rows)
    extra = "from functools import partial\n\n" if forced else ""
    more = "from timm.models._efficientnet_blocks import SqueezeExcite\n" if forced else ""
    se_layer = f"    se_layer={forced},\n" if forced else ""
    fix_stem = "    fix_stem=True,\n"
    python = (
        f"{extra}from timm.layers import get_act_layer\n{more}"
        "from timm.models._efficientnet_builder import decode_arch_def\n"
        f"from timm.models.{module} import {kind}\n\n"
        f"arch_def = [\n{strings}]\n"
        f"model = {kind}(\n    decode_arch_def(arch_def),\n    num_features={values['num_features']},\n"
        f"    stem_size={network.stem_width},\n{fix_stem}    act_layer=get_act_layer({act!r}),\n{se_layer}"
        f"    num_classes={network.classes},\n    drop_rate={network.dropout},\n)\n"
    )
    return LibraryModel(MOBILENET_V3 if late else EFFICIENTNET, values, python)


def _block_string(
    stage: Stage, w_in: int, squeeze: tuple[int, int], network: Network, refusal: Refusal, from_inner: bool
) -> str:
    """A stage in the builder's notation: kind, repeats, kernel, stride, expansion, channels, squeeze-excite."""
    kind = {"fused-mbconv": "er", "conv": "cn", "separable": "dsa"}.get(stage.block)
    kind = kind or ("ds" if stage.ratio == 1 else "ir")
    own = "" if stage.activation == network.activation else f"_n{SHORT.get(stage.activation)}"
    refusal.unless("None" not in own, f"its builder has no {stage.activation} in single stages")
    if kind == "cn":
        return f"cn_r{stage.depth}_k{stage.kernel}_s{stage.stride}_e1_c{stage.width}_skip{own}"
    ratio = f"_e{number(stage.ratio)}" if kind != "dsa" else ""
    se = ""
    if stage.se:
        # The ratio is of the inner width where a MobileNetV3 has it, else of the block's input.
        share = stage.se / stage.ratio if from_inner and kind != "dsa" else stage.se
        se = f"_se{number(share)}"
    return f"{kind}_r{stage.depth}_k{stage.kernel}_s{stage.stride}{ratio}_c{stage.width}{se}{own}"


def _convnext(network: Network, refusal: Refusal) -> LibraryModel:
    refusal.unless(network.stem in CONVNEXT_STEMS, f"its ConvNeXt has no stem of kind {network.stem}")
    ratio, activation = refusal.common("ratio"), refusal.one_activation(("gelu", "relu", "silu"))
    refusal.unless(ratio == 4, f"its ConvNeXt has inner widths of 4 times the width, not {ratio}")
    refusal.unless(activation == "gelu" or network.head_width is None, "the hidden layer of its head has GELU")
    refusal.unless(network.head == "pool-norm", f"its ConvNeXt has no head of kind {network.head}")
    strides = tuple(stage.stride for stage in network.stages)
    refusal.unless(strides == (1, 2, 2, 2), f"its ConvNeXt has the strides 1, 2, 2, 2, not {strides}")
    refusal.unless(network.stem_width == network.widths[0], "its ConvNeXt has a stem as wide as the first stage")
    halves = network.stem != "overlap-tiered" or network.stem_width % 16 == 0
    refusal.unless(halves, f"it rounds half of the stem's width to multiples of 8, here is {network.stem_width} / 2")
    values: dict[str, Any] = {
        "depths": list(network.depths),
        "dims": list(network.widths),
        "kernel_sizes": tuple(stage.kernel for stage in network.stages),
        "stem_type": CONVNEXT_STEMS[network.stem],
        "head_hidden_size": network.head_width,
        "act_layer": activation,
        "num_classes": network.classes,
        "drop_rate": network.dropout,
    }
    fields = "".join(f"    {name}={value!r},\n" for name, value in values.items())
    return LibraryModel(
        CONVNEXT, values, f"from timm.models.convnext import ConvNeXt\n\nmodel = ConvNeXt(\n{fields})\n"
    )

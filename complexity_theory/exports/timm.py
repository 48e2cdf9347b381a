"""Networks as arguments of timm (huggingface/pytorch-image-models): ``RegNetCfg``, or the EfficientNet builder's.

A ``RegNetCfg`` holds the four numbers of the RegNet generator, not a list of stages, so it can express only networks
that some four numbers generate; they are searched for. The builder's strings
(``timm/models/_efficientnet_builder.py``) give each stage by itself.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from complexity_theory.exports import Refusal, full_group_widths, number
from complexity_theory.networks.regnet import regnet_widths
from complexity_theory.networks.rounding import compatible
from complexity_theory.networks.spec import Network, Stage

REGNET = "timm.models.regnet.RegNet"
EFFICIENTNET = "timm.models.efficientnet.EfficientNet"
ACTIVATIONS = ("relu", "relu6", "silu", "gelu")


def arguments(network: Network) -> dict[str, Any]:
    """The class (``model``) and its arguments: the fields of ``RegNetCfg``, or ``arch_def`` and the like.

    Raises InvalidInput, with the reason, where timm's arguments cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> arguments(network("EfficientNet-B0"))["arguments"]["arch_def"][:2]
    [['ds_r1_k3_s1_e1_c16_se0.25'], ['ir_r2_k3_s2_e6_c24_se0.25']]
    """
    refusal = Refusal("timm", network)
    refusal.usual()
    refusal.unless(network.stem == "conv3", f"its RegNet and EfficientNet have a 3x3 stem, not {network.stem}")
    kinds = {stage.block for stage in network.stages}
    if kinds <= {"mbconv", "fused-mbconv", "conv"}:
        return {"model": EFFICIENTNET, "arguments": _efficientnet(network, refusal)}
    refusal.unless(
        kinds in ({"bottleneck"}, {"linear-bottleneck"}),
        f"its RegNet has bottlenecks, its EfficientNet MBConv, here are blocks of kind {', '.join(sorted(kinds))}",
    )
    return {"model": REGNET, "arguments": _regnet(network, refusal)}


def _regnet(network: Network, refusal: Refusal) -> dict[str, Any]:
    activation = refusal.one_activation(ACTIVATIONS)
    kernel, stride, ratio, se = (refusal.common(field) for field in ("kernel", "stride", "ratio", "se"))
    refusal.unless(kernel == 3, f"its RegNet has 3x3 convs, not {kernel}x{kernel}")
    refusal.unless(stride == 2, f"its RegNet has stages of stride 2, not {stride}")
    refusal.unless(len(network.stages) == 4, f"its RegNet has 4 stages, not {len(network.stages)}")
    found = generator(network, ratio)
    if found is None:
        reason = "RegNetCfg takes depth, w0, wa, wm and one group size, and no such numbers generate stages of widths "
        refusal.unless(False, f"{reason}{network.widths} and depths {network.depths}")
    return {
        **(found or {}),
        "bottle_ratio": float(ratio),
        "se_ratio": float(se),
        "stem_width": network.stem_width,
        "linear_out": network.stages[0].block == "linear-bottleneck",
        "downsample": None if network.stages[0].block == "linear-bottleneck" else "conv1x1",
        "num_features": network.head_width or 0,
        "act_layer": activation,
        "num_classes": network.classes,
        "drop_rate": network.dropout,
    }


def generator(network: Network, ratio: Fraction) -> dict[str, int | float] | None:
    """The four numbers and the group width from which the RegNet generator makes these stages; None where none do.

    Block j has width w0 wm^p, p the integer nearest to log(1 + wa j / w0) / log(wm) (``networks.regnet``): for a given
    w0 and wm, the blocks' powers p bound wa from both sides. Tried are w0 near the first width, wm in steps of 1/1000.

    >>> from complexity_theory.zoo import network
    >>> generator(network("RegNetX-200MF"), Fraction(1))
    {'depth': 13, 'w0': 24, 'wa': ..., 'wm': ..., 'group_size': 8}
    """
    depth, group_width = sum(network.depths), max(full_group_widths(network))
    wanted = (list(network.widths), list(network.depths), full_group_widths(network))
    first, last = network.widths[0], network.widths[-1]
    starts = sorted(range(8, first + group_width + 8, 8), key=lambda w0: abs(w0 - first))
    for w0 in starts:
        if compatible([w0], [ratio], [group_width])[0] != [first]:
            continue
        for thousandths in range(1200, 4001):
            wm = thousandths / 1000
            wa = _slope(network, w0, wm)
            if wa is None or abs(w0 * wm ** _power(last, w0, wm) - last) > group_width + 8:
                continue
            widths, depths = regnet_widths(depth, w0, wa, wm)
            fitted = compatible(widths, [ratio] * len(widths), [group_width] * len(widths))
            if (fitted[0], depths, fitted[1]) == wanted:
                return {"depth": depth, "w0": w0, "wa": wa, "wm": wm, "group_size": group_width}
    return None


def _power(width: int, w0: int, wm: float) -> int:
    power = 0
    while w0 * wm ** (power + 0.5) < width:
        power += 1
    return power


def _slope(network: Network, w0: int, wm: float) -> float | None:
    """The wa, in hundredths where one fits, that gives each block the power of wm nearest to its stage's width."""
    low, high, first = 0.0, float("inf"), 0
    for stage in network.stages:
        power, end = _power(stage.width, w0, wm), first + stage.depth - 1
        if first > 0:
            low = max(low, w0 * (wm ** (power - 0.5) - 1) / first)
        if end > 0:
            high = min(high, w0 * (wm ** (power + 0.5) - 1) / end)
        first = end + 1
    if low >= high:
        return None
    middle = (low + high) / 2
    return round(middle, 2) if low < round(middle, 2) < high else middle


def _efficientnet(network: Network, refusal: Refusal) -> dict[str, Any]:
    activation = refusal.one_activation(ACTIVATIONS)
    refusal.unless(network.head_width is not None, "its EfficientNet has a 1x1 conv in the head, here is none")
    inner = [stage.inner_width(w) for stage, w in zip(network.stages, network.input_widths, strict=True)]
    inner += [stage.inner_width(stage.width) for stage in network.stages]
    for width in (network.stem_width, *network.widths, *inner):
        refusal.unless(width is None or width % 8 == 0, f"it rounds widths to multiples of 8, here is {width}")
    return {
        "arch_def": [[_block_string(stage)] for stage in network.stages],
        "stem_size": network.stem_width,
        "num_features": network.head_width,
        "act_layer": activation,
        "num_classes": network.classes,
        "drop_rate": network.dropout,
    }


def _block_string(stage: Stage) -> str:
    """A stage in the builder's notation: kind, repeats, kernel, stride, expansion, channels, squeeze-excite."""
    kind = {"mbconv": "ds" if stage.ratio == 1 else "ir", "fused-mbconv": "er", "conv": "cn"}[stage.block]
    last = "_skip" if kind == "cn" else f"_se{number(stage.se)}" if stage.se else ""
    return f"{kind}_r{stage.depth}_k{stage.kernel}_s{stage.stride}_e{number(stage.ratio)}_c{stage.width}{last}"


def snippet(network: Network) -> str:
    """Python that builds the network with timm, as ``model``. Raises InvalidInput as ``arguments`` does."""
    exported = arguments(network)
    values = dict(exported["arguments"])
    common = f"num_classes={values.pop('num_classes')}, drop_rate={values.pop('drop_rate')}"
    if exported["model"] == REGNET:
        fields = "".join(f"    {name}={value!r},\n" for name, value in values.items())
        return (
            "from timm.models.regnet import RegNet, RegNetCfg\n\n"
            f"cfg = RegNetCfg(\n{fields})\nmodel = RegNet(cfg, {common})\n"
        )
    strings = "".join(f"    {row!r},\n" for row in values["arch_def"])
    return (
        "from timm.layers import get_act_layer\nfrom timm.models._efficientnet_builder import decode_arch_def\n"
        "from timm.models.efficientnet import EfficientNet\n\n"
        f"arch_def = [\n{strings}]\n"
        f"model = EfficientNet(\n    decode_arch_def(arch_def),\n    num_features={values['num_features']},\n"
        f"    stem_size={values['stem_size']},\n    act_layer=get_act_layer({values['act_layer']!r}),\n"
        f"    {common},\n)\n"
    )

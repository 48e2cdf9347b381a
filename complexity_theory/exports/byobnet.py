"""Networks as a ``ByobNet`` of timm (``timm/models/byobnet.py``): stages of bottlenecks or basic blocks as they are."""

from __future__ import annotations

import math
from typing import Any

from complexity_theory.exports.refusal import LibraryModel, Refusal, number, squeezed
from complexity_theory.networks.spec import Network, Stage

MODEL = "timm.models.byobnet.ByobNet"
ACTIVATIONS = {"relu": "relu", "relu6": "relu6", "silu": "silu", "gelu": "gelu", "hardswish": "hard_swish"}
GATES = {"sigmoid": "sigmoid", "hardsigmoid": "hard_sigmoid"}
# kind of stem: (stem_type, stem_pool, stride)
STEMS = {
    "conv3": ("3x3", "", 2),
    "resnet": ("7x7", "maxpool", 4),
    "deep": ("", "maxpool", 4),
    "deep-tiered": ("", "maxpool", 4),
    "deep-tiered-conv": ("tiered", "", 4),
}
DEEPEST = 32  # the product of strides from which it dilates instead


def byobnet(network: Network, refusal: Refusal) -> LibraryModel:
    """The configuration, and the Python that builds it. Raises InvalidInput, with the reason, where there is none."""
    block = refusal.common("block")
    refusal.unless(network.head == "pool", f"its ByobNet has no head of kind {network.head}")
    refusal.unless(network.stem in STEMS, f"its ByobNet has no stem of kind {network.stem}")
    activation = refusal.common("activation")
    refusal.unless(network.activation == activation in ACTIVATIONS, f"its ByobNet has one activation, not {activation}")
    stem_type, pool, stride = STEMS[network.stem]
    whole = math.prod(stage.stride for stage in network.stages) * stride
    refusal.unless(whole <= DEEPEST, f"its ByobNet strides by {DEEPEST} in all, here by {whole}")
    refusal.eights()
    linear = block in ("linear-bottleneck", "group-mbconv")
    pooled = refusal.common("pooled_shortcut")
    strides = {stage.stride for stage in network.stages}
    refusal.unless(not pooled or strides <= {1, 2}, f"its shortcuts pool by 2, not by {max(strides)}")
    plain = block != "group-mbconv" or refusal.common("ratio") != 1
    refusal.unless(plain, "its bottlenecks have three convolutions, of ratio 1 there are two")
    settings: dict[str, Any] = {} if block == "basic" else {"bottle_in": block == "group-mbconv"}
    settings |= {"linear_out": linear, "attn_last": block in ("basic", "se-bottleneck")}
    blocks = [
        _stage(stage, squeeze, "basic" if block == "basic" else "bottle", settings)
        for stage, squeeze in zip(network.stages, squeezed(network), strict=True)
    ]
    values: dict[str, Any] = {
        "blocks": blocks,
        "downsample": "" if linear else "avg" if pooled else "conv1x1",
        "stem_type": stem_type,
        "stem_pool": pool,
        "stem_chs": _stem(network),
        "num_features": network.head_width or 0,
        "act_layer": ACTIVATIONS[activation],
    }
    rows = "".join(f"        ({', '.join(map(_written, stage))},),\n" for stage in blocks)
    fields = "".join(f"    {name}={value!r},\n" for name, value in list(values.items())[1:])
    python = (
        "from timm.models.byobnet import ByoBlockCfg, ByobNet, ByoModelCfg\n\n"
        f"cfg = ByoModelCfg(\n    blocks=(\n{rows}    ),\n{fields})\n"
        f"model = ByobNet(cfg, num_classes={network.classes}, drop_rate={network.dropout})\n"
    )
    return LibraryModel(MODEL, values | {"num_classes": network.classes, "drop_rate": network.dropout}, python)


def _stem(network: Network) -> int | tuple[int, ...]:
    """The width of the stem, or of each of its convolutions where these are given one by one."""
    w = int(network.stem_width)
    if network.stem not in ("deep", "deep-tiered"):
        return w
    return round(w / 2 if network.stem == "deep" else 3 * w / 8), w // 2, w


def _stage(stage: Stage, squeeze: tuple[int, int], kind: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """A stage as one row, or as its first block and the others where their squeeze-excite widths differ."""
    base: dict[str, Any] = {"type": kind, "d": stage.depth, "c": stage.width, "s": stage.stride}
    if kind == "bottle":
        base |= {"gs": stage.group_width or 0, "br": number(stage.ratio)}
    base["block_kwargs"] = {"kernel_size": stage.kernel, **settings}
    if not stage.se:
        return [base]
    first, rest = (
        base
        | {
            "attn_layer": "se",
            "attn_kwargs": {
                "rd_channels": width,
                "act_layer": ACTIVATIONS[stage.se_activation],
                "gate_layer": GATES[stage.se_gate],
            },
        }
        for width in squeeze
    )
    if stage.depth == 1 or first == rest:
        return [first]
    return [first | {"d": 1}, rest | {"d": stage.depth - 1}]


def _written(row: dict[str, Any]) -> str:
    return f"ByoBlockCfg({', '.join(f'{name}={value!r}' for name, value in row.items())})"

"""Networks as configurations of pycls (facebookresearch/pycls, ``pycls/core/config.py``)."""

from __future__ import annotations

from typing import Any

import yaml

from complexity_theory.core.sizes import pair
from complexity_theory.exports.refusal import Refusal, full_group_widths, number
from complexity_theory.networks import pycls
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.spec import Network

# What pycls calls our parts.
STEMS = {ours: theirs for theirs, ours in pycls.STEMS.items()}
BLOCKS = {ours: theirs for theirs, ours in pycls.BLOCKS.items()}
ACTIVATIONS = tuple(dict.fromkeys(pycls.ACTIVATIONS.values()))


def config(network: Network) -> dict[str, Any]:
    """The configuration that builds the network: keys and values, nested. Raises InvalidInput where pycls has none.

    >>> from complexity_theory.zoo import network
    >>> config(network("RegNetX-200MF"))["ANYNET"]["WIDTHS"]
    [24, 56, 152, 368]
    """
    refusal = Refusal("pycls", network)
    refusal.usual("pool")
    refusal.plain_shortcuts()
    refusal.unless(isinstance(network.resolution, int), f"its inputs are squares, not {network.resolution}")
    block = refusal.common("block")
    activation = refusal.one_activation(ACTIVATIONS)
    body = _effnet(network, refusal) if block == "mbconv" else _anynet(network, block, refusal)
    kind = "effnet" if block == "mbconv" else "anynet"
    # Tests take a center crop of TRAIN.IM_SIZE out of TEST.IM_SIZE: 224 of 256 on ImageNet, all of it on CIFAR.
    side = pair(network.resolution)[0]
    whole = side if network.stem == "cifar" else round(side * 256 / 224 / 4) * 4
    return {
        "MODEL": {"TYPE": kind, "NUM_CLASSES": network.classes, "ACTIVATION_FUN": activation},
        **body,
        "TRAIN": {"IM_SIZE": side},
        "TEST": {"IM_SIZE": whole},
    }


def text(network: Network) -> str:
    """The configuration as YAML."""
    return yaml.safe_dump(config(network), sort_keys=False, default_flow_style=None)


def _anynet(network: Network, block: str, refusal: Refusal) -> dict[str, Any]:
    refusal.unless(block in BLOCKS, f"it has no block of kind {block}")
    refusal.unless(network.stem in STEMS, f"it has no stem of kind {network.stem}")
    refusal.one_kernel(3)
    se = refusal.common("se")
    refusal.unless(not network.dropout, f"its AnyNet has no dropout, here {network.dropout}")
    refusal.unless(not (se and KINDS[block].inner_of is None), f"its {BLOCKS[block]} has no squeeze-excite")
    anynet: dict[str, Any] = {
        "STEM_TYPE": STEMS[network.stem],
        "STEM_W": network.stem_width,
        "BLOCK_TYPE": BLOCKS[block],
        "DEPTHS": list(network.depths),
        "WIDTHS": list(network.widths),
        "STRIDES": [stage.stride for stage in network.stages],
    }
    if KINDS[block].inner_of is not None:
        anynet["BOT_MULS"] = [number(stage.ratio) for stage in network.stages]
        anynet["GROUP_WS"] = full_group_widths(network)
    if se:
        anynet |= {"SE_ON": True, "SE_R": float(se)}
    if network.head_width is not None:
        anynet["HEAD_W"] = network.head_width
    return {"ANYNET": anynet}


def _effnet(network: Network, refusal: Refusal) -> dict[str, Any]:
    se = refusal.common("se")
    refusal.unless(se > 0, "its EffNet has squeeze-excite in every block, here is none")
    refusal.unless(network.stem == "conv3", f"its EffNet has a 3x3 stem, not {network.stem}")
    refusal.unless(network.head_width is not None, "its EffNet has a 1x1 conv in the head, here is none")
    widths = (*network.input_widths, *network.widths)
    refusal.unless(all(scaled_by(w, se) == int(w * se) for w in widths), "it rounds squeeze-excite widths down")
    return {
        "EN": {
            "STEM_W": network.stem_width,
            "DEPTHS": list(network.depths),
            "WIDTHS": list(network.widths),
            "EXP_RATIOS": [number(stage.ratio) for stage in network.stages],
            "SE_R": float(se),
            "STRIDES": [stage.stride for stage in network.stages],
            "KERNELS": [stage.kernel for stage in network.stages],
            "HEAD_W": network.head_width,
            "DROPOUT_RATIO": float(network.dropout),
        }
    }

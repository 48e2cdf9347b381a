"""Networks as configurations that others load: pycls, torchvision, timm, and our own JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.networks import pycls
from complexity_theory.networks.files import describe, to_json
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.spec import Network

# What pycls calls our parts.
PYCLS_STEMS = {ours: theirs for theirs, ours in pycls.STEMS.items()}
PYCLS_BLOCKS = {ours: theirs for theirs, ours in pycls.BLOCKS.items()}
PYCLS_ACTIVATIONS = ("relu", "silu", "gelu")


class Refusal:
    """Raises InvalidInput, with the reason, where a library cannot express a network."""

    def __init__(self, library: str, network: Network) -> None:
        self.library, self.network = library, network

    def unless(self, condition: bool, reason: str) -> None:
        """Refuses unless the condition holds."""
        if not condition:
            raise InvalidInput(f"{self.library} cannot express {self.network.name}: {reason}")

    def common(self, field: str) -> Any:
        """The value of a field that all stages share."""
        values = list(dict.fromkeys(getattr(stage, field) for stage in self.network.stages))
        self.unless(len(values) == 1, f"it takes one {field} for all stages, not {', '.join(map(str, values))}")
        return values[0]

    def usual(self) -> None:
        """What no other library's configurations vary."""
        network = self.network
        self.unless(isinstance(network.resolution, int), f"its inputs are squares, not {network.resolution}")
        self.unless(self.common("dilation") == 1, "its convolutions are not dilated")
        self.unless(network.in_channels == 3, f"it takes 3 input channels, not {network.in_channels}")
        self.unless(network.head == "pool", f"it has no head of kind {network.head}")
        for i, (stage, w_in) in enumerate(zip(network.stages, network.input_widths, strict=True), 1):
            usual = stage.follows(w_in) and not stage.pooled_shortcut
            self.unless(usual, f"stage {i} has a shortcut of its own kind")

    def one_activation(self, known: tuple[str, ...]) -> str:
        """The activation that the whole network shares."""
        activation = str(self.common("activation"))
        self.unless(self.network.activation == activation, "stem and stages have different activations")
        self.unless(activation in known, f"it has no activation {activation}, only {', '.join(known)}")
        if any(stage.se for stage in self.network.stages):
            squeeze, gate = self.common("se_activation"), self.common("se_gate")
            self.unless(squeeze == activation, f"its squeeze-excite has the blocks' activation, not {squeeze}")
            self.unless(gate == "sigmoid", f"its squeeze-excite has a sigmoid gate, not {gate}")
        return activation


def full_group_widths(network: Network) -> list[Any]:
    """Group widths as numbers: of a dense conv, its inner width."""
    inner = [stage.inner_width(w_in) for stage, w_in in zip(network.stages, network.input_widths, strict=True)]
    return [
        w if stage.group_width is None else stage.group_width for stage, w in zip(network.stages, inner, strict=True)
    ]


def number(value: Any) -> int | float:
    """A ratio as an int where it is whole, else a float."""
    return int(value) if value == int(value) else float(value)


def pycls_config(network: Network) -> dict[str, Any]:
    """The configuration of pycls that builds the network (``pycls/core/config.py``): keys and values, nested.

    Raises InvalidInput, with the reason, for a network that pycls does not have.

    >>> from complexity_theory.zoo import network
    >>> pycls_config(network("RegNetX-200MF"))["ANYNET"]["WIDTHS"]
    [24, 56, 152, 368]
    """
    refusal = Refusal("pycls", network)
    refusal.usual()
    block = refusal.common("block")
    activation = refusal.one_activation(PYCLS_ACTIVATIONS)
    body = _pycls_effnet(network, refusal) if block == "mbconv" else _pycls_anynet(network, block, refusal)
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


def _pycls_anynet(network: Network, block: str, refusal: Refusal) -> dict[str, Any]:
    refusal.unless(block in PYCLS_BLOCKS, f"it has no block of kind {block}")
    refusal.unless(network.stem in PYCLS_STEMS, f"it has no stem of kind {network.stem}")
    kernel, se = refusal.common("kernel"), refusal.common("se")
    refusal.unless(kernel == 3, f"its AnyNet has 3x3 convs, not {kernel}x{kernel}")
    refusal.unless(not network.dropout, f"its AnyNet has no dropout, here {network.dropout}")
    refusal.unless(not (se and KINDS[block].inner_of is None), f"its {PYCLS_BLOCKS[block]} has no squeeze-excite")
    anynet: dict[str, Any] = {
        "STEM_TYPE": PYCLS_STEMS[network.stem],
        "STEM_W": network.stem_width,
        "BLOCK_TYPE": PYCLS_BLOCKS[block],
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


def _pycls_effnet(network: Network, refusal: Refusal) -> dict[str, Any]:
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


def _pycls(network: Network) -> str:
    return yaml.safe_dump(pycls_config(network), sort_keys=False, default_flow_style=None)


def _json(network: Network) -> str:
    return to_json(describe(network))


def _torchvision(network: Network) -> str:
    from complexity_theory.exports.torchvision import arguments

    return to_json({**arguments(network), "python": snippet(network, "torchvision")})


def _timm(network: Network) -> str:
    from complexity_theory.exports.timm import arguments

    return to_json({**arguments(network), "python": snippet(network, "timm")})


EXPORTS: dict[str, Callable[[Network], str]] = {
    "pycls": _pycls,
    "torchvision": _torchvision,
    "timm": _timm,
    "json": _json,
}


def snippet(network: Network, to: str) -> str:
    """Python that builds the network with ``torchvision`` or ``timm``, as ``model``.

    Raises InvalidInput for another library, and with the reason where the library cannot express the network.
    """
    from complexity_theory.exports import timm as export_timm
    from complexity_theory.exports import torchvision as export_torchvision

    snippets = {"torchvision": export_torchvision.snippet, "timm": export_timm.snippet}
    if to not in snippets:
        raise InvalidInput(f"there is no Python snippet for {to!r}, only for {', '.join(snippets)}")
    return snippets[to](network)


def export(network: Network, to: str) -> str:
    """The network as text that another library loads.

    ``pycls``: YAML. ``torchvision``, ``timm``: JSON with the class, its arguments and a Python snippet. ``json``: our
    own, as ``networks.files`` reads it. Raises InvalidInput for an unknown form, and with the reason where the library
    cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> print(export(network("RegNetX-200MF"), "pycls").splitlines()[0])
    MODEL: {TYPE: anynet, NUM_CLASSES: 1000, ACTIVATION_FUN: relu}
    """
    if to not in EXPORTS:
        raise InvalidInput(f"unknown export {to!r}: one of {', '.join(EXPORTS)}")
    return EXPORTS[to](network)

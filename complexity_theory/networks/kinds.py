"""Kinds of blocks: what a stage of each can set, and how its sizes hang together. ``networks.blocks`` builds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

Shortcut: TypeAlias = Literal["identity", "projection", "none"]


@dataclass(frozen=True, slots=True)
class BlockKind:
    """What a kind of block does where an identity shortcut does not fit, and what its stage can set.

    ``shortcuts``: those that its first block can have; ``pools``: a projection can pool. ``inner_of``: the width that
    ``Stage.ratio`` multiplies to give the inner width (input or output of the block; None: no inner width).
    ``grouped``: the inner conv is in groups of ``Stage.group_width``; ``depthwise``: it is depthwise. ``se_of``: the
    width that ``Stage.se`` multiplies (None: no squeeze-excite).
    """

    fallback: Shortcut
    shortcuts: tuple[Shortcut, ...] = get_args(Shortcut)
    pools: bool = True
    inner_of: Literal["in", "out"] | None = None
    grouped: bool = False
    depthwise: bool = False
    se_of: Literal["in", "out"] | None = None

    @property
    def identity(self) -> bool:
        """Whether it has an identity shortcut where one fits."""
        return "identity" in self.shortcuts


_PLAIN: dict[str, Any] = {"shortcuts": ("none",), "pools": False}  # blocks without shortcuts

KINDS: Mapping[str, BlockKind] = MappingProxyType(
    {
        "vanilla": BlockKind("none", **_PLAIN),
        "conv": BlockKind("none"),
        "vgg": BlockKind("none", **_PLAIN),
        "vgg-bn": BlockKind("none", **_PLAIN),
        "basic": BlockKind("projection", se_of="out"),
        "bottleneck": BlockKind("projection", inner_of="out", grouped=True, se_of="in"),
        "se-bottleneck": BlockKind("projection", inner_of="out", grouped=True, se_of="out"),
        "linear-bottleneck": BlockKind("none", inner_of="out", grouped=True, se_of="in"),
        "preact-bottleneck": BlockKind("projection", inner_of="out", grouped=True, se_of="in"),
        "mbconv": BlockKind("none", inner_of="in", depthwise=True, se_of="in"),
        "group-mbconv": BlockKind("none", inner_of="in", grouped=True, se_of="in"),
        "fused-mbconv": BlockKind("none", inner_of="in", se_of="in"),
        "separable": BlockKind("none", **_PLAIN, depthwise=True, se_of="in"),
        "convnext": BlockKind(
            "projection", shortcuts=("identity", "projection"), pools=False, inner_of="out", depthwise=True
        ),
    }
)

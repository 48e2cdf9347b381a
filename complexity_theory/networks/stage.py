"""A stage of a network, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from complexity_theory.core.checks import check_choice, check_flag, check_pair, check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Pair, Size, same
from complexity_theory.graph.operations import Activation
from complexity_theory.networks.kinds import KINDS, Shortcut
from complexity_theory.networks.parts import scaled_by


def _check_exact(what: str, value: object) -> None:
    if type(value) not in (int, Fraction):
        raise InvalidInput(f"{what} must be exact, a Fraction such as Fraction(1, 4), not {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``depth`` blocks of one ``width``; the first takes the stride and, where it must, another kind of shortcut.

    ``kernel`` and ``dilation``: of its k x k convs, one size or a (height, width) pair.
    ``ratio``: inner width over the block's output width (bottlenecks) or input width (mbconv). ``group_width``: of the
    inner conv; None where it is dense (or depthwise by the kind of block). ``se``: squeeze-excite width over the
    block's input width (SE-ResNets: output width), 0 for none. ``shortcut``: of the first block; None settles it by
    the sizes, then ints. ``pooled_shortcut``: a projection shortcut with a stride is average pooling and a 1x1 conv
    (ResNet-D), not a strided 1x1 conv.
    """

    block: str
    depth: Size
    width: Size
    stride: int = 1
    kernel: Pair = 3
    dilation: Pair = 1
    ratio: Fraction = Fraction(1)
    group_width: Size | None = None
    se: Fraction = Fraction(0)
    activation: str = "relu"
    se_activation: str = "relu"
    se_gate: str = "sigmoid"
    shortcut: Shortcut | None = None
    pooled_shortcut: bool = False

    def __post_init__(self) -> None:
        check_choice("block", self.block, KINDS)
        check_size("depth", self.depth)
        check_size("width", self.width)
        check_size("stride", self.stride)
        if type(self.stride) is not int:
            raise InvalidInput(f"stride must be an int, not {self.stride!r}")
        for name in ("kernel", "dilation"):
            check_pair(name, getattr(self, name))
        if self.group_width is not None:
            check_size("group width", self.group_width)
        _check_exact("ratio", self.ratio)
        _check_exact("se", self.se)
        if not self.ratio > 0:
            raise InvalidInput(f"ratio must be positive, not {self.ratio}")
        if not self.se >= 0:
            raise InvalidInput(f"se must be at least 0, not {self.se}")
        kind = KINDS[self.block]
        if self.group_width is not None and not kind.grouped:
            raise InvalidInput(f"a {self.block} block takes no group width, but it is {self.group_width}")
        if self.ratio != 1 and kind.inner_of is None:
            raise InvalidInput(f"a {self.block} block takes no ratio, but it is {self.ratio}")
        if self.se and kind.se_of is None:
            raise InvalidInput(f"a {self.block} block takes no squeeze-excite, but se is {self.se}")
        if self.shortcut is not None:
            check_choice(f"shortcut of a {self.block} block", self.shortcut, kind.shortcuts)
        check_flag("pooled_shortcut", self.pooled_shortcut)
        if self.pooled_shortcut and not kind.pools:
            raise InvalidInput(f"a {self.block} block has no projection that could pool, but pooled_shortcut is True")
        for activation in (self.activation, self.se_activation, self.se_gate):
            Activation(activation)  # which refuses those it does not know

    def settled(self, w_in: Size) -> Stage:
        """The stage with its shortcut decided: identity where the first block keeps the shape, else the fallback."""
        if self.shortcut is not None:
            return self
        kind = KINDS[self.block]
        fits = kind.identity and self.stride == 1 and same(w_in, self.width)
        return replace(self, shortcut="identity" if fits else kind.fallback)

    def inner_width(self, w_in: Size) -> Size | None:
        """Width of the inner conv of the blocks after the first (``w_in``: of the first); None where there is none."""
        of = {"in": w_in, "out": self.width, None: None}[KINDS[self.block].inner_of]
        return None if of is None else scaled_by(of, self.ratio)

    def follows(self, w_in: Size) -> bool:
        """Whether the shortcut is the one that the sizes imply, so that it need not be given."""
        return replace(self, shortcut=None).settled(w_in) == self

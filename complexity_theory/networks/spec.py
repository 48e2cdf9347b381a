"""What a network is, as data: a stem, stages of blocks, a head; and the tree of layers it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from complexity_theory.core.checks import check_flag, check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, same
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat, Sequential
from complexity_theory.graph.operations import Activation, Dropout, Layer
from complexity_theory.networks.blocks import BLOCKS, Shortcut
from complexity_theory.networks.heads import HEADS, WITHOUT_WIDTH
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.stems import STEMS


def _choice(what: str, value: str, known: Iterable[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise InvalidInput(f"unknown {what} {value!r}: one of {', '.join(known)}")


def _check_text(what: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise InvalidInput(f"{what} must be text on one line, without control characters, not {value!r}")


def _check_exact(what: str, value: object) -> None:
    if type(value) not in (int, Fraction):
        raise InvalidInput(f"{what} must be exact, a Fraction such as Fraction(1, 4), not {value!r}")


@contextmanager
def _said_of(part: str) -> Iterator[None]:
    """Says which part of a network an error is of."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(f"{part}: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``depth`` blocks of one ``width``; the first takes the stride and, where it must, another kind of shortcut.

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
    kernel: int = 3
    ratio: Fraction = Fraction(1)
    group_width: Size | None = None
    se: Fraction = Fraction(0)
    activation: str = "relu"
    se_activation: str = "relu"
    se_gate: str = "sigmoid"
    shortcut: Shortcut | None = None
    pooled_shortcut: bool = False

    def __post_init__(self) -> None:
        _choice("block", self.block, BLOCKS)
        check_size("depth", self.depth)
        check_size("width", self.width)
        check_size("stride", self.stride)
        if type(self.stride) is not int:
            raise InvalidInput(f"stride must be an int, not {self.stride!r}")
        check_size("kernel", self.kernel)
        if self.group_width is not None:
            check_size("group width", self.group_width)
        _check_exact("ratio", self.ratio)
        _check_exact("se", self.se)
        if not self.ratio > 0:
            raise InvalidInput(f"ratio must be positive, not {self.ratio}")
        if not self.se >= 0:
            raise InvalidInput(f"se must be at least 0, not {self.se}")
        kind = BLOCKS[self.block]
        if self.group_width is not None and not kind.grouped:
            raise InvalidInput(f"a {self.block} block takes no group width, but it is {self.group_width}")
        if self.ratio != 1 and kind.inner_of is None:
            raise InvalidInput(f"a {self.block} block takes no ratio, but it is {self.ratio}")
        if self.se and kind.se_of is None:
            raise InvalidInput(f"a {self.block} block takes no squeeze-excite, but se is {self.se}")
        if self.shortcut is not None:
            _choice(f"shortcut of a {self.block} block", self.shortcut, kind.shortcuts)
        check_flag("pooled_shortcut", self.pooled_shortcut)
        if self.pooled_shortcut and not kind.pools:
            raise InvalidInput(f"a {self.block} block has no projection that could pool, but pooled_shortcut is True")
        for activation in (self.activation, self.se_activation, self.se_gate):
            Activation(activation)  # which refuses those it does not know

    def settled(self, w_in: Size) -> Stage:
        """The stage with its shortcut decided: identity where the first block keeps the shape, else the fallback."""
        if self.shortcut is not None:
            return self
        kind = BLOCKS[self.block]
        fits = kind.identity and self.stride == 1 and same(w_in, self.width)
        return replace(self, shortcut="identity" if fits else kind.fallback)

    def inner_width(self, w_in: Size) -> Size | None:
        """Width of the inner conv of the blocks after the first (``w_in``: of the first); None where there is none."""
        of = {"in": w_in, "out": self.width, None: None}[BLOCKS[self.block].inner_of]
        return None if of is None else scaled_by(of, self.ratio)

    def layer(self, w_in: Size) -> Layer:
        """The blocks as a tree: the first, and the rest as one block repeated depth - 1 times."""
        build, shortcut = BLOCKS[self.block].build, self.settled(w_in).shortcut
        assert shortcut is not None
        kind = BLOCKS[self.block]
        rest = build(self, self.width, 1, "identity" if kind.identity else kind.fallback)
        return Sequential(first=build(self, w_in, self.stride, shortcut), rest=Repeat(rest, self.depth - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network as data. Sizes are ints, sympy expressions or int64 arrays; ``resolution`` is the side of the input.

    ``scales_ends``: stem and head are scaled as widths (EfficientNet); else they stay (AnyNet), as in pycls's scaler.
    Raises InvalidInput where parts do not fit.
    """

    name: str
    family: str
    stem: str
    stem_width: Size
    stages: tuple[Stage, ...]
    head: str = "pool"
    head_width: Size | None = None
    classes: int = 1000
    in_channels: int = 3
    resolution: Size = 224
    activation: str = "relu"
    dropout: float = 0.0
    scales_ends: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "family", "note"):
            _check_text(name, getattr(self, name))
        _choice("stem", self.stem, STEMS)
        _choice("head", self.head, HEADS)
        check_size("stem width", self.stem_width)
        check_size("resolution", self.resolution)
        if self.head_width is not None:
            check_size("head width", self.head_width)
            if self.head in WITHOUT_WIDTH:
                raise InvalidInput(f"head {self.head!r} takes no head width, but it is {self.head_width}")
        check_size("classes", self.classes)
        check_size("in_channels", self.in_channels)
        check_flag("scales_ends", self.scales_ends)
        Activation(self.activation)  # which refuse what they do not know
        Dropout(self.dropout)
        if not isinstance(self.stages, (tuple, list)) or not all(isinstance(stage, Stage) for stage in self.stages):
            raise InvalidInput(f"stages must be a tuple of Stages, not {self.stages!r}")
        if not self.stages:
            raise InvalidInput("a network needs at least one stage, not none")
        settled = tuple(stage.settled(w_in) for stage, w_in in zip(self.stages, self.input_widths, strict=True))
        object.__setattr__(self, "stages", settled)

    @property
    def depths(self) -> tuple[Size, ...]:
        """Number of blocks of each stage."""
        return tuple(stage.depth for stage in self.stages)

    @property
    def widths(self) -> tuple[Size, ...]:
        """Output width of each stage."""
        return tuple(stage.width for stage in self.stages)

    @property
    def group_widths(self) -> tuple[Size | None, ...]:
        """Group width of each stage's inner conv: None where it is dense, 1 where it is depthwise."""
        return tuple(1 if BLOCKS[stage.block].depthwise else stage.group_width for stage in self.stages)

    @property
    def input_widths(self) -> tuple[Size, ...]:
        """The width that enters each stage."""
        return (self.stem_width, *(stage.width for stage in self.stages))[: len(self.stages)]

    @property
    def tree(self) -> Sequential:
        """The network as a tree of layers: stem, stage1, stage2, ..., head."""
        try:
            return _tree(self)
        except TypeError:  # sizes as arrays, which have no hash
            return self._layers()

    def _layers(self) -> Sequential:
        stages = {}
        for i, (stage, w_in) in enumerate(zip(self.stages, self.input_widths, strict=True), 1):
            with _said_of(f"stage {i}"):
                stages[f"stage{i}"] = stage.layer(w_in)
        return Sequential(stem=STEMS[self.stem](self), **stages, head=HEADS[self.head](self, self.stages[-1].width))

    def input(self, resolution: Size | None = None) -> Shape:
        """The shape of the input at ``resolution`` (default: the network's own)."""
        side = self.resolution if resolution is None else resolution
        return Shape(self.in_channels, side, side)

    def complexity(self, resolution: Size | None = None) -> Complexity:
        """Cost of one image: flops (multiply-adds), params and acts (elements), in pycls's convention.

        Raises InvalidInput, with the part at fault, where sizes do not fit or the input is too small.

        >>> from complexity_theory.zoo import network
        >>> network("EfficientNet-B0").complexity()
        Complexity(flops=385825092, params=5288548, acts=6748036)
        """
        tree, shape = self.tree, self.input(resolution)
        try:
            return tree.complexity(shape)
        except InvalidInput:
            for name, part in tree.parts:
                with _said_of(name.replace("stage", "stage ")):
                    shape = part.output(shape)
            raise

    def scaled(self, *, depth: Size = 1, width: Size = 1, group_width: Size = 1, resolution: Size = 1) -> Network:
        """The ideal scaled network: every size times its multiplier, nothing rounded (symbols, or ints that fit).

        Stem and head follow the width where ``scales_ends``; the stem also where an identity shortcut ties it to the
        first stage. Dense and depthwise convs stay dense and depthwise.
        """
        tied = self.scales_ends or self.stages[0].shortcut == "identity"
        stages = tuple(
            replace(
                stage,
                depth=stage.depth * depth,
                width=stage.width * width,
                group_width=None if stage.group_width is None else stage.group_width * group_width,
            )
            for stage in self.stages
        )
        return replace(
            self,
            stages=stages,
            stem_width=self.stem_width * width if tied else self.stem_width,
            head_width=self.head_width * width if self.scales_ends and self.head_width is not None else self.head_width,
            resolution=self.resolution * resolution,
        )


@lru_cache(maxsize=512)
def _tree(network: Network) -> Sequential:
    return network._layers()

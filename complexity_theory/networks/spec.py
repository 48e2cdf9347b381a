"""What a network is, as data: a stem, stages of blocks, a head; the tree of layers it stands for, and its knobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from complexity_theory.core.checks import check_choice, check_flag, check_pair, check_size, check_text
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Pair, Size, pair
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Sequential
from complexity_theory.graph.memory import kept
from complexity_theory.graph.operations import Activation, Dropout, Layer
from complexity_theory.networks.blocks import blocks
from complexity_theory.networks.heads import HEADS, WITHOUT_WIDTH, Ends
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.knobs import Knob, KnobPart, Role, multiplied
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.pieces import KnownPieces, Piece, cost, groups, said_of
from complexity_theory.networks.stage import Stage
from complexity_theory.networks.stems import STEMS

__all__ = ["Network", "Stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network as data, and a maker of knobs (``networks.knobs.Scalable``).

    Sizes are ints, sympy expressions or int64 arrays; ``resolution`` is the side of a square input, or its height and
    width. ``scales_ends``: stem and head are scaled as widths (EfficientNet); else they stay (AnyNet), as in pycls's
    scaler. Raises InvalidInput where parts do not fit.
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
    resolution: Pair = 224
    activation: str = "relu"
    dropout: float = 0.0
    scales_ends: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "family", "note"):
            check_text(name, getattr(self, name))
        check_choice("stem", self.stem, STEMS)
        check_choice("head", self.head, HEADS)
        check_size("stem width", self.stem_width)
        check_pair("resolution", self.resolution)
        object.__setattr__(self, "resolution", _square(self.resolution))
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

    def __repr__(self) -> str:
        sizes = f"depths {self.depths}, widths {self.widths}, resolution {self.resolution}"
        return f"<Network {self.name}: {sizes}>"

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
        return tuple(1 if KINDS[stage.block].depthwise else stage.group_width for stage in self.stages)

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
        sizes = {"stem.width": self.stem_width, "head.width": self.head_width}
        for i, stage in enumerate(self.stages, 1):
            of_stage = {"depth": stage.depth, "width": stage.width, "group_width": stage.group_width}
            sizes |= {f"stage{i}.{name}": size for name, size in of_stage.items()}
        return Sequential(**{piece.name.replace(" ", ""): piece.layer() for piece in self._pieces(sizes, self.stages)})

    def _pieces(self, sizes: Mapping[str, Size], stages: Iterable[Stage]) -> Iterator[Piece]:
        """Stem, stages and head at sizes by the names of their knobs."""

        def stem(w_in: Size, width: Size) -> Layer:
            return STEMS[self.stem](w_in, width, self.activation)

        def head(w_in: Size, width: Size | None = None) -> Layer:
            return HEADS[self.head](w_in, Ends(width, self.classes, self.activation, self.dropout))

        width, last = sizes["stem.width"], sizes.get("head.width")
        yield Piece("stem", (self.in_channels, width), stem)
        for i, stage in enumerate(stages, 1):
            own = [sizes[f"stage{i}.{name}"] for name in ("depth", "width")]
            group_width = sizes.get(f"stage{i}.group_width")
            grouped = () if group_width is None else (group_width,)
            yield Piece(f"stage {i}", (width, *own, *grouped), partial(_stage, stage), partial(_structure, stage))
            width = own[1]
        yield Piece("head", (width,) if last is None else (width, last), head)

    def input(self, resolution: Pair | None = None) -> Shape:
        """The shape of the input at ``resolution``: a side, or height and width (default: the network's own)."""
        height, width = pair(self.resolution if resolution is None else resolution)
        return Shape(self.in_channels, height, width)

    def complexity(self, resolution: Pair | None = None) -> Complexity:
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
                with said_of(name.replace("stage", "stage ")):
                    shape = part.output(shape)
            raise

    # -- what can be scaled: networks.knobs.Scalable

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Its sizes: depths, widths of stages, stem and head, group widths, and the side or sides of the input.

        >>> from complexity_theory.zoo import network
        >>> [(knob.name, knob.base) for knob in network("ResNeXt-50-32x4d").knobs][::4]
        [('stage1.depth', 3), ('stage1.width', 256), ('stem.width', 64), ('stage4.group_width', 32)]
        """
        depths, widths, groups = [], [], []
        inside, leader = "stem.width", ""
        for i, stage in enumerate(self.stages, 1):
            kind, name = KINDS[stage.block], f"stage{i}.width"
            depths.append(Knob(name=f"stage{i}.depth", dimension="depth", base=stage.depth))
            tied = i > 1 and stage.shortcut == "identity"
            leader = leader if tied else name
            dense = kind.grouped and kind.inner_of == "out" and stage.group_width is None
            widths.append(
                Knob(
                    name=name,
                    dimension="width",
                    base=stage.width,
                    tied=leader if tied else None,
                    inner=stage.ratio if dense else None,
                )
            )
            if kind.grouped and stage.group_width is not None:
                of = (name,) if kind.inner_of == "out" else (inside, name)
                groups.append(
                    Knob(
                        name=f"stage{i}.group_width",
                        dimension="group_width",
                        base=stage.group_width,
                        divides=tuple(KnobPart(knob, stage.ratio) for knob in of),
                    )
                )
            inside = name
        tied_stem = "stage1.width" if self.stages[0].shortcut == "identity" else None
        ends = [_end("stem", self.stem_width, self.scales_ends, tied_stem)]
        if self.head_width is not None:
            ends.append(_end("head", self.head_width, self.scales_ends))
        return (*depths, *widths, *ends, *groups, *_sides(self.resolution))

    def resized(self, values: Sequence[Size], *, name: str | None = None, note: str | None = None) -> Network:
        """The network with other sizes, in the order of its knobs; shortcuts that follow from them are settled anew.

        Raises InvalidInput where the sizes do not fit.
        """
        found = replace(self._sized(values, self._free()), name=self.name if name is None else name)
        return found if note is None else replace(found, note=note)

    def _sized(self, values: Sequence[Size], stages: tuple[Stage, ...]) -> Network:
        sizes = {knob.name: value for knob, value in zip(self.knobs, values, strict=True)}
        sized = tuple(
            replace(
                stage,
                depth=sizes[f"stage{i}.depth"],
                width=sizes[f"stage{i}.width"],
                group_width=sizes.get(f"stage{i}.group_width"),
            )
            for i, stage in enumerate(stages, 1)
        )
        square = "resolution" in sizes
        return replace(
            self,
            stages=sized,
            stem_width=sizes["stem.width"],
            head_width=sizes.get("head.width"),
            resolution=sizes["resolution"] if square else (sizes["resolution.height"], sizes["resolution.width"]),
        )

    def fits(self, values: Sequence[Size]) -> Any:
        """Whether the group widths divide the inner widths, and no squeeze-excite is left without width."""
        sizes = {knob.name: value for knob, value in zip(self.knobs, values, strict=True)}
        w_in, fits = sizes["stem.width"], True
        for i, stage in enumerate(self.stages, 1):
            w_out, group_width = sizes[f"stage{i}.width"], sizes.get(f"stage{i}.group_width")
            if group_width is not None:
                divides = scaled_by(w_out, stage.ratio) % group_width == 0
                if KINDS[stage.block].inner_of == "in":  # of the first block its input, of the others their own width
                    first = scaled_by(w_in, stage.ratio) % group_width == 0
                    divides = first & (divides | (sizes[f"stage{i}.depth"] == 1))
                fits = fits & divides
            if stage.se:
                fits = fits & (scaled_by(w_in, stage.se) >= 1) & (scaled_by(w_out, stage.se) >= 1)
            w_in = w_out
        return fits

    def cost(self, values: Sequence[Size]) -> Complexity:
        """The exact cost of the network with other sizes; int64 arrays where some of the ``values`` are such.

        >>> from complexity_theory.zoo import network
        >>> resnet = network("ResNet-18")
        >>> values = [knob.base for knob in resnet.knobs]
        >>> resnet.cost([*values[:-1], np.array([224, 256])]).flops
        array([1814074344, 2369246184])
        """
        arrays = [value for value in values if isinstance(value, np.ndarray)]
        if not arrays:
            return self.resized(values).complexity()
        sizes = {knob.name: value for knob, value in zip(self.knobs, values, strict=True)}
        sides = [sizes.get(f"resolution.{side}", sizes.get("resolution")) for side in ("height", "width")]
        pieces = self._pieces(sizes, self._free())
        return cost(pieces, Shape(self.in_channels, *sides), len(arrays[0]), _memory(self))

    def _free(self) -> tuple[Stage, ...]:
        """Its stages, with shortcuts that follow from the sizes left open."""
        return tuple(
            replace(stage, shortcut=None) if stage.follows(w_in) else stage
            for stage, w_in in zip(self.stages, self.input_widths, strict=True)
        )

    def alike(self, values: Sequence[Size], variants: int) -> list[Any]:
        """The variants that have one structure, together: a tree has one kind of shortcut, and one rest, a stage.

        (Without a projection, a shortcut costs nothing, and needs no tree of its own.)
        """
        sizes = {knob.name: value for knob, value in zip(self.knobs, values, strict=True)}
        told = [piece.structure(*piece.sizes) for piece in self._pieces(sizes, self._free())]
        return groups([np.broadcast_to(pattern, variants) for patterns in told for pattern in patterns], variants)

    def ideal(self, values: Sequence[Size]) -> Complexity:
        """The cost with other sizes and the same kinds of shortcuts: polynomials in symbols, nothing rounded."""
        return self._sized(values, self.stages).complexity()

    def kept(self, values: Sequence[Size]) -> Size:
        """The elements that training keeps for each image, of sizes as ``ideal`` takes them."""
        ideal = self._sized(values, self.stages)
        return kept(ideal.tree, ideal.input()).each

    def dense(self) -> Network:
        """Its twin with dense convolutions in place of the group convolutions."""
        return replace(self, stages=tuple(replace(stage, group_width=None) for stage in self.stages))

    def sizes(self) -> dict[str, Any]:
        """Its sizes as they are reported: one each stage (None: no group convs), of the ends, and the input's."""
        return {
            "resolution": self.resolution,
            "depths": self.depths,
            "widths": self.widths,
            "group_widths": self.group_widths,
            "stem_width": self.stem_width,
            "head_width": self.head_width,
        }

    def scaled(self, *, depth: Size = 1, width: Size = 1, group_width: Size = 1, resolution: Size = 1) -> Network:
        """The ideal scaled network: every size times its multiplier, nothing rounded (symbols, or ints that fit).

        Stem and head follow the width where ``scales_ends``; the stem also where an identity shortcut ties it to the
        first stage. Dense and depthwise convs stay dense and depthwise.
        """
        multipliers = {"depth": depth, "width": width, "group_width": group_width, "resolution": resolution}
        return self._sized(multiplied(self.knobs, multipliers), self.stages)


def _end(role: Role, width: Size, moves: bool, tied: str | None = None) -> Knob:
    why = "" if moves else "stem and head keep their widths in this family"
    return Knob(name=f"{role}.width", dimension="width", base=width, moves=moves, why=why, tied=tied, role=role)


def _square(resolution: Pair) -> Pair:
    """A side instead of a height and a width that are the same int."""
    sides = pair(resolution)
    return sides[0] if all(type(side) is int for side in sides) and sides[0] == sides[1] else resolution


def _sides(resolution: Pair) -> tuple[Knob, ...]:
    """One knob of a square input; of another two, of which the width keeps its proportion to the height."""
    if not isinstance(resolution, tuple):
        return (Knob(name="resolution", dimension="resolution", base=resolution),)
    height, width = (
        Knob(name=f"resolution.{side}", dimension="resolution", base=base)
        for side, base in zip(("height", "width"), resolution, strict=True)
    )
    return height, replace(width, tied=height.name)


def _stage(stage: Stage, w_in: Size, depth: Size, width: Size, group_width: Size | None = None) -> Sequential:
    return blocks(replace(stage, depth=depth, width=width, group_width=group_width), w_in)


def _structure(stage: Stage, w_in: Size, depth: Size, width: Size, group_width: Size | None = None) -> tuple[Any, ...]:
    """Whether the first block keeps the shape, and whether there is another, where that tells its kind of tree."""
    kind = KINDS[stage.block]
    projected = stage.stride == 1 and kind.fallback == "projection" and stage.shortcut is None
    return (
        *([w_in == width] if projected else []),
        *([depth == 1] if group_width is not None and kind.inner_of == "in" else []),
    )


@lru_cache(maxsize=64)
def _memory(network: Network) -> KnownPieces:
    return {}


@lru_cache(maxsize=512)
def _tree(network: Network) -> Sequential:
    return network._layers()

"""Sizes of a network that can be changed, as named knobs: all that scaling, search and populations know of it.

A stage description (``networks.spec``) is one maker of knobs, a traced graph another. Whatever offers ``Scalable`` can
be scaled, searched, counted as a population, put into closed form and given effective exponents, by the same code.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, Literal, Protocol, Self, TypeAlias, get_args

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, nearest
from complexity_theory.graph.complexity import Complexity

Dimension: TypeAlias = Literal["depth", "width", "group_width", "resolution"]
Role: TypeAlias = Literal["stem", "body", "head"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)


@dataclass(frozen=True, slots=True)
class KnobPart:
    """``ratio`` times the size of another knob: such as the inner width of a bottleneck, a quarter of its width."""

    knob: str
    ratio: Fraction = Fraction(1)

    def of(self, sizes: Mapping[str, Size]) -> Size:
        """The size meant, to the nearest integer (symbols exactly)."""
        return nearest(sizes[self.knob] * self.ratio.numerator, self.ratio.denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A size that can be changed.

    ``name``: a path such as ``stage1.depth``, ``stem.width``, ``layer2.0.conv1.width`` or ``resolution``, unique in its
    network; users select knobs by patterns of it (``matches``).
    ``dimension``: which multiplier of a strategy moves it; ``base``: its size in the network as it stands.
    ``moves``: whether a strategy moves it (a stem of a RegNet stays); ``why``: where it does not, the reason.
    ``tied``: the knob of the same dimension to which it keeps its proportion: ideally both always move together, and
    so do the steps of the search. (A rule rounds each by itself; a network whose ties are more than a preference
    offers one knob for all that is tied, with a ``multiple`` that makes all of them whole.)
    ``multiple``: what its size must be a multiple of. ``divides`` (of a group width): what it must divide. Where that
    is one part, a rule fits the width to the group width, as pycls does; where there are several, the group width
    gives way. ``shares`` (of a group width): what goes into group convolutions and comes out of them, where the two are
    different widths; the number of groups must divide both, and the group width gives way. ``inner`` (of the width of a
    dense bottleneck): the ratio of its inner width, which a rule rounds with it.
    ``role``: a rule may treat the ends of a network by themselves.
    """

    name: str
    dimension: Dimension
    base: int
    moves: bool = True
    why: str = ""
    tied: str | None = None
    multiple: int = 1
    divides: tuple[KnobPart, ...] = ()
    shares: tuple[tuple[KnobPart, KnobPart], ...] = ()
    inner: Fraction | None = None
    role: Role = "body"

    @property
    def parts(self) -> tuple[KnobPart, ...]:
        """All that a group width must fit."""
        return (*self.divides, *(part for pair in self.shares for part in pair))

    @property
    def gives_way(self) -> bool:
        """Whether a group width is made to fit widths, and no width to it."""
        return len(self.divides) > 1 or bool(self.shares)


class Scalable(Hashable, Protocol):
    """A network that offers its sizes as knobs. ``values`` are always sizes of all knobs, in the order of ``knobs``.

    It is hashable, since its closed form is derived once.
    """

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def note(self) -> str:
        """What must be said of its counts, or nothing."""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Its knobs: at least one that moves. Quick: it is read often."""

    def complexity(self) -> Complexity:
        """Its exact cost as it stands: flops (multiply-adds), params and acts (elements), as ints."""

    def resized(self, values: Sequence[int], *, name: str | None = None, note: str | None = None) -> Self:
        """The network with other sizes, of the same kind; with ``values`` of the bases it is equal to this one.

        Raises InvalidInput where they do not fit.
        """

    def fits(self, values: Sequence[Size]) -> Any:
        """Whether ``resized`` would build it: a bool, or of int64 arrays one each. ``fitting`` serves most makers."""

    def cost(self, values: Sequence[Size]) -> Complexity:
        """The exact cost of ``resized(values)``; of many at once where values are int64 arrays of one length.

        Values that are ints are those of all variants. Each count equals that of ``resized`` on its own. Raises
        InvalidInput where sizes do not fit, and where arrays would exceed int64.
        """

    def ideal(self, values: Sequence[Size]) -> Complexity:
        """The cost with nothing rounded and the structure kept, for sympy symbols (closed forms) and int64 arrays.

        Polynomials in the sizes; of symbols, exact: no floors where sizes of inputs are multiples of 32.
        """

    def kept(self, values: Sequence[Size]) -> Size:
        """The elements that training keeps for each image (``graph.memory.kept``), of sizes as ``ideal`` takes them."""

    def dense(self) -> Scalable:
        """Its twin with dense convolutions in place of the group convolutions; itself where it has none."""

    def sizes(self) -> dict[str, Any]:
        """Its sizes as they are reported: resolution, depths, widths, group_widths and what else it has, plain."""


def bases(knobs: Iterable[Knob]) -> tuple[int, ...]:
    """The sizes as they stand."""
    return tuple(knob.base for knob in knobs)


def multiplied(knobs: Sequence[Knob], multipliers: Mapping[str, Any], *, ties: bool = True) -> tuple[Any, ...]:
    """The ideal sizes: of each knob that moves, its base times the multiplier of its dimension, nothing rounded.

    ``ties``: what is tied to a knob that moves goes with it, as an identity shortcut needs (closed forms); without,
    only what moves by itself does (as rules do, which settle shortcuts anew).

    >>> stem = Knob(name="stem.width", dimension="width", base=64, moves=False, tied="stage1.width")
    >>> knobs = [stem, Knob(name="stage1.width", dimension="width", base=64)]
    >>> multiplied(knobs, {"width": 3}), multiplied(knobs, {"width": 3}, ties=False)
    ((192, 192), (64, 192))
    """
    moving = {knob.name for knob in knobs if knob.moves}
    return tuple(
        knob.base * multipliers[knob.dimension] if knob.moves or (ties and knob.tied in moving) else knob.base
        for knob in knobs
    )


def fitting(knobs: Sequence[Knob], values: Sequence[Size]) -> Any:
    """Whether sizes keep what the knobs say: at least 1, multiples, group widths that divide.

    A bool, or of int64 arrays one each.

    >>> width = Knob(name="conv.width", dimension="width", base=64)
    >>> group = Knob(name="conv.group_width", dimension="group_width", base=8, divides=(KnobPart("conv.width"),))
    >>> fitting([width, group], [96, 16]), fitting([width, group], [96, 36])
    (True, False)
    """
    sizes = {knob.name: value for knob, value in zip(knobs, values, strict=True)}
    fits: Any = True
    for knob, value in zip(knobs, values, strict=True):
        fits = fits & (value >= 1) & (value % knob.multiple == 0)
        for part in knob.divides:
            fits = fits & (part.of(sizes) % value == 0)
        for part, out in knob.shares:
            fits = fits & (part.of(sizes) % value == 0) & (out.of(sizes) * value % part.of(sizes) == 0)
    return fits


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern of the shell (``*``, ``?``, ``[...]``) names a knob or a part that it belongs to.

    >>> matches("layer1.0.conv1.width", "layer*.conv1"), matches("head.width", "head"), matches("stage1.depth", "head")
    (True, True, False)
    """
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))


def held(knobs: Iterable[Knob], *, fix: Iterable[str] = (), only: Iterable[str] = ()) -> tuple[Knob, ...]:
    """The knobs with those that match a pattern of ``fix``, or none of ``only`` where given, standing still.

    Raises InvalidInput for a pattern that names no knob.

    >>> stem = Knob(name="stem.width", dimension="width", base=32)
    >>> knobs = [stem, Knob(name="resolution", dimension="resolution", base=224)]
    >>> [knob.moves for knob in held(knobs, fix=["stem"])]
    [False, True]
    """
    knobs, fix, only = tuple(knobs), tuple(fix), tuple(only)
    for pattern in (*fix, *only):
        if not any(matches(knob.name, pattern) for knob in knobs):
            names = ", ".join(dict.fromkeys(knob.name for knob in knobs[:8]))
            raise InvalidInput(f"no knob is named {pattern!r}: there are {names}{', ...' if len(knobs) > 8 else ''}")

    def stands(knob: Knob) -> bool:
        chosen = not only or any(matches(knob.name, pattern) for pattern in only)
        return not chosen or any(matches(knob.name, pattern) for pattern in fix)

    return tuple(replace(knob, moves=False, why="asked for") if knob.moves and stands(knob) else knob for knob in knobs)

"""Blocks in symbols: what networks are built of, without stem and head, and any tree of layers; how they scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy

from complexity_theory.core.checks import check_choice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import is_symbolic
from complexity_theory.core.symbols import d, g, k, r, w
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat, Sequential
from complexity_theory.graph.operations import Layer
from complexity_theory.networks.blocks import blocks
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.parts import scaled_by, squeeze_excite
from complexity_theory.networks.stage import Stage
from complexity_theory.scaling.effective import EffectiveExponents
from complexity_theory.scaling.exponents import DIMENSIONS
from complexity_theory.scaling.population import Polynomials
from complexity_theory.scaling.strategy import Strategy

SE = "se"  # squeeze-excite alone, which is no kind of block
# The blocks that have names here, with what they are built with unless told otherwise.
USUAL: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "bottleneck": {"kernel": 3, "ratio": Fraction(1, 4), "se": Fraction(0)},
        "basic": {"kernel": 3, "se": Fraction(0)},
        "mbconv": {"kernel": 3, "ratio": Fraction(6), "se": Fraction(1, 4)},
        "separable": {"kernel": 3, "se": Fraction(0)},
        "convnext": {"kernel": 7, "ratio": Fraction(4)},
        SE: {"se": Fraction(1, 4)},
    }
)
BASE = MappingProxyType({d: 4, w: 64, g: 16, r: 56})  # sizes at s = 1
UNITS = (1, 2, 4, 8, 16, 32)  # what a side is tried as a multiple of, until nothing is rounded


@dataclass(frozen=True, eq=False)
class Block:
    """A part of a network in symbols: ``tree`` on inputs of ``shape``, as polynomials in d, w, g, r (and k).

    ``base``: the numbers that symbols stand for at s = 1. ``about``: what it is, and what is assumed of its sizes.
    """

    name: str
    about: str
    tree: Layer
    shape: Shape
    cost: Complexity
    base: Mapping[sympy.Symbol, int]

    @property
    def complexity(self) -> Complexity:
        """Its exact counts at s = 1: ints."""
        return self.cost.map(lambda form: int(form.subs(dict(self.base))))


@dataclass(frozen=True, eq=False)
class BlockScaling:
    """How a block scales along a strategy, normalised so that its flops grow as s where s is large.

    ``strategy``: its direction as asked for; ``along``: the same, normalised; ``effective``: exponents at any s, and
    their limits.
    """

    block: Block
    strategy: Strategy
    along: Strategy
    effective: EffectiveExponents

    @property
    def limits(self) -> Complexity:
        """The exact exponents of flops, params and acts as s grows: Fractions."""
        return self.effective.limits

    def at(self, factor: float) -> Complexity:
        """The effective exponents d log cost / d log s at a factor, as floats."""
        return self.effective.at(factor)


def block(
    kind: str,
    *,
    kernel: int | None = None,
    ratio: Fraction | None = None,
    se: Fraction | None = None,
    stride: int = 1,
    group_width: int | None = None,
    depth: int | None = None,
    width: int | None = None,
    resolution: int | None = None,
) -> Block:
    """Blocks of a kind, d in a row, of width w, on feature maps of r x r: one of ``USUAL``.

    ``kernel`` of the k x k conv (left out, formulas keep k), ``ratio`` of the inner width, ``se``: of squeeze-excite;
    ``stride`` of the first block, whose shortcut then projects; ``group_width``: of a bottleneck's k x k conv, then g.
    ``depth``, ``width``, ``resolution``, ``group_width``: the numbers at s = 1 (default: ``BASE``). Raises InvalidInput
    for another kind, for what it does not have and for sizes that do not fit.

    >>> block("separable").cost.flops
    d*k**2*r**2*w + d*r**2*w**2
    """
    check_choice("block", kind, USUAL)
    usual = dict(USUAL[kind])
    given = {"kernel": kernel, "ratio": ratio, "se": se}
    for name, value in given.items():
        if value is not None and name not in usual:
            raise InvalidInput(f"the block {kind} takes no {name}, only {', '.join(usual)}")
    settings = usual | {name: value for name, value in given.items() if value is not None}
    if group_width is not None and not (kind in KINDS and KINDS[kind].grouped):
        raise InvalidInput(f"the block {kind} takes no group width")
    numbers = {d: depth, w: width, g: group_width, r: resolution}
    base = {x: BASE[x] if value is None else value for x, value in numbers.items()}
    if stride != 1 and kind == SE:
        raise InvalidInput("squeeze-excite has no stride")
    unit = stride
    shape = Shape(w, unit * r, unit * r)
    if kind == SE:
        tree: Layer = Repeat(squeeze_excite(w, scaled_by(w, settings["se"]), "relu"), d)
    else:
        tree = _stage(kind, settings, kernel, stride, group_width is not None)
    base |= {k: settings["kernel"]} if "kernel" in settings else {}
    _check_fits(kind, settings, stride, base)
    cost = _in_sides(tree.complexity(shape), unit)
    return Block(_named(kind, settings, stride, group_width), _about(kind, stride), tree, shape, cost, base)


def _stage(kind: str, settings: Mapping[str, Any], kernel: int | None, stride: int, grouped: bool) -> Layer:
    stage = Stage(
        block=kind,
        depth=d,
        width=w,
        stride=stride,
        kernel=k if kernel is None else kernel,
        ratio=settings.get("ratio", Fraction(1)),
        se=settings.get("se", Fraction(0)),
        group_width=g if grouped else None,
    )
    return blocks(stage, w)


def _check_fits(kind: str, settings: Mapping[str, Any], stride: int, base: Mapping[sympy.Symbol, int]) -> None:
    """Raises InvalidInput where the numbers at s = 1 make no block, or leave the formulas."""
    for x, value in base.items():
        if type(value) is not int or value < 1:
            raise InvalidInput(f"the size {x} at s = 1 must be an int, at least 1, not {value!r}")
    if base[r] % stride:
        raise InvalidInput(f"a resolution of {base[r]} is no multiple of the stride {stride}")
    for name in ("ratio", "se"):
        part = base[w] * settings.get(name, Fraction(0))
        if part.denominator != 1:
            raise InvalidInput(f"a {name} of {settings[name]} makes no whole width of {base[w]}: give another width")


def _named(kind: str, settings: Mapping[str, Any], stride: int, group_width: int | None) -> str:
    usual = USUAL[kind]
    told = [f"{name} {value}" for name, value in settings.items() if value != usual[name]]
    told += [f"stride {stride}"] if stride != 1 else []
    return ", ".join([kind, *told, *(["group width g"] if group_width is not None else [])])


def _about(kind: str, stride: int) -> str:
    what = f"d blocks ({kind}) in a row, of width w, on feature maps of r x r"
    if stride == 1:
        return what
    return f"{what}; the first has stride {stride}, the others r/{stride} x r/{stride} (r a multiple of {stride})"


def _in_sides(cost: Complexity, unit: int) -> Complexity:
    """A cost in r / unit as one in r: flops, params and acts, expanded."""
    return Complexity(**{m: sympy.expand(sympy.sympify(f).subs(r, r / unit)) for m, f in cost.as_dict().items()})


def from_tree(tree: Layer, shape: Shape | None = None, name: str = "tree") -> Block:
    """Any tree of layers as a block: in the package's symbols d, w, g, r, k, or in ints.

    A tree of ints on an input of ``shape`` is scaled as a whole: all its widths, and the input's, are multiplied by w,
    group widths (but depthwise ones, of 1) by g, what is repeated by d; its input has r x r places. Where strides
    round, r is taken as a multiple of 2, 4, ..., 32. Raises InvalidInput for a tree that is neither.

    >>> from complexity_theory.graph.operations import Conv2d
    >>> from_tree(Repeat(Conv2d(64, 64, 3), 2), Shape(64, 28, 28)).cost.flops
    73728*d*r**2*w**2
    """
    if _has_symbols(tree):
        base, channels, scaled = dict(BASE) | {k: 3}, w, tree
        if shape is not None:
            channels = shape.channels
            base |= {r: shape.height} if type(shape.height) is int else {}
        about = f"the tree {name}, in d, w, g, r and k, on feature maps of r x r"
    else:
        if shape is None or not all(type(side) is int for side in shape.dims) or shape.height != shape.width:
            raise InvalidInput("a tree of numbers takes its input as well, a square such as (64, 56, 56)")
        base, channels, scaled = {d: 1, w: 1, g: 1, r: shape.height}, shape.channels * w, _multiplied(tree)
        about = f"the {name}, its widths multiplied by w, group widths by g, repetitions by d, on r x r places"
    for unit in UNITS:
        side = unit * r
        cost = _in_sides(scaled.complexity(Shape(channels, side, side)), unit)
        if all(form.is_polynomial(*DIMENSIONS, k) for form in cost.as_dict().values()):
            said = about if unit == 1 else f"{about} (r a multiple of {unit})"
            return Block(name, said, scaled, Shape(channels, side, side), cost, base)
    raise InvalidInput(f"{name} has no closed form: its sizes are no multiples of its strides, for r a multiple of 32")


def _has_symbols(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_has_symbols(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return any(_has_symbols(getattr(value, field.name)) for field in fields(value))
    return is_symbolic(value)


_WIDTHS = ("w_in", "w_out", "width")


def _multiplied(layer: Any) -> Any:
    """A tree with its widths times w, its group widths times g, and its repetitions times d."""
    if isinstance(layer, Sequential):
        return Sequential(**{_name(name): _multiplied(part) for name, part in layer.parts})
    if not is_dataclass(layer) or isinstance(layer, type):
        return layer
    changed: dict[str, Any] = {}
    for field in fields(layer):
        value = getattr(layer, field.name)
        if isinstance(value, Layer):
            changed[field.name] = _multiplied(value)
        elif field.name in _WIDTHS and type(value) is int:
            changed[field.name] = value * w
        elif field.name == "group_width" and type(value) is int and value > 1:
            changed[field.name] = value * g
        elif field.name == "times" and isinstance(layer, Repeat):
            changed[field.name] = value * d
    return replace(layer, **changed) if changed else layer


def _name(name: str) -> str:
    return f"part{name}" if name[:1].isdigit() else name


def block_scaling(found: Block, strategy: Strategy) -> BlockScaling:
    """How a block scales along a strategy. Raises InvalidInput for alpha left open, and where no flops change.

    >>> from complexity_theory.scaling.strategy import parse
    >>> scaling = block_scaling(block("bottleneck"), parse("dWr"))
    >>> str(scaling.limits.params), round(scaling.at(1).params, 2)
    ('9/10', 0.88)
    """
    if strategy.is_symbolic:
        raise InvalidInput(f"{strategy} has no numbers on a block: give alpha a value")
    forms = {name: terms_of(found, form) for name, form in found.cost.as_dict().items()}
    growth = _greatest(forms["flops"], strategy)
    if growth == 0:
        raise InvalidInput(f"strategy {strategy} does not change the flops of {found.name}")
    shares = {name: share / growth for name, share in zip(_SHARES, strategy.shares, strict=True)}
    along = Strategy(strategy.name, **shares)
    limits = Complexity(**{name: _greatest(form, along) for name, form in forms.items()})
    powers = sorted({powers for form in forms.values() for powers in form})
    coefficients = np.array([[float(form.get(p, 0)) for p in powers] for form in forms.values()])
    polynomials = Polynomials(np.array(powers, dtype=np.int64), coefficients)
    effective = EffectiveExponents(found, along, polynomials, limits)  # type: ignore[arg-type]  # it asks for a name
    return BlockScaling(found, strategy, along, effective)


_SHARES = ("depth", "width", "group_width", "resolution")


def terms_of(found: Block, form: sympy.Expr) -> dict[tuple[int, ...], Fraction]:
    """The coefficients of a block's polynomial by the powers of d, w, g and r, its base sizes worked in."""
    kernel = {k: found.base[k]} if k in found.base else {}
    polynomial = sympy.Poly(form.subs(kernel), *DIMENSIONS)
    sizes = [found.base[x] for x in DIMENSIONS]
    told: dict[tuple[int, ...], Fraction] = {}
    for powers, coefficient in polynomial.terms():
        value = Fraction(int(coefficient.p), int(coefficient.q))
        for size, power in zip(sizes, powers, strict=True):
            value *= Fraction(size) ** power
        told[powers] = value
    return told


def _greatest(form: Mapping[tuple[int, ...], Fraction], strategy: Strategy) -> Fraction:
    """The greatest exponent of s among the terms that do not cancel."""
    growth: dict[Fraction, Fraction] = {}
    for powers, coefficient in form.items():
        exponent = sum((p * e for p, e in zip(powers, strategy.direction, strict=True)), Fraction(0))
        growth[exponent] = growth.get(exponent, Fraction(0)) + coefficient
    return max((exponent for exponent, coefficient in growth.items() if coefficient), default=Fraction(0))

"""What ``derive`` says of blocks: their cost in symbols, their exponents at finite factors, and the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.core.symbols import s
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.graph.operations import Layer
from complexity_theory.scaling import blocks
from complexity_theory.scaling.blocks import USUAL, Block, BlockScaling, block_scaling
from complexity_theory.scaling.effective import FACTORS
from complexity_theory.scaling.exponents import DIMENSIONS
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import Multipliers, Strategy, exact
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.writing import step_data, told

COMPARED = ("w", "dwr", "dWr")  # in the table of all blocks


def block(
    kind: str,
    *,
    kernel: int | None = None,
    ratio: Any = None,
    se: Any = None,
    stride: int = 1,
    group_width: int | None = None,
    depth: int | None = None,
    width: int | None = None,
    resolution: int | None = None,
) -> Block:
    """Blocks of a kind, d in a row, in symbols: bottleneck, basic, mbconv, separable, convnext or se.

    ``kernel``: of the k x k conv (left out, formulas keep k); ``ratio``: of the inner width; ``se``: of squeeze-excite
    (ints, Fractions or text such as "1/4"); ``stride``: of the first block; ``group_width``: of a bottleneck's conv,
    which is then g. ``depth``, ``width``, ``resolution``: sizes at s = 1. Raises InvalidInput for what a block does not
    have. ``derive`` takes what is returned.

    >>> block("bottleneck", kernel=3).cost.params
    17*d*w**2/16 + 3*d*w
    """
    sizes = {"kernel": kernel, "group_width": group_width, "depth": depth, "width": width, "resolution": resolution}
    for name, value in {**sizes, "stride": stride}.items():
        if (value is not None or name == "stride") and (type(value) is not int or value < 1):
            raise InvalidInput(f"{name} of a block must be an int, at least 1, not {resolve.shown(value)}")
    known = resolve.choice(kind, "block", list(USUAL))
    parts = {"ratio": _part(ratio, "ratio"), "se": _part(se, "se")}
    return blocks.block(known, stride=stride, **sizes, **parts)  # type: ignore[arg-type]


def _part(value: Any, what: str) -> Fraction | None:
    if value is None or isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        return exact(value, f"the {what} of a block")
    if type(value) is int and value >= 0:
        return Fraction(value)
    raise InvalidInput(f"the {what} of a block is an int, a Fraction or text such as '1/4', not {resolve.shown(value)}")


def block_of(value: Any, input: Any = None) -> Block:
    """The block meant by a name, a tree of layers (with its ``input``, where it is in numbers), or a block itself."""
    if isinstance(value, Block):
        return value
    if isinstance(value, Layer):
        return blocks.from_tree(value, None if input is None else Shape(*resolve.sides_of(input)))
    return block(value)


@dataclass(frozen=True, repr=False)
class BlockResult(Result):
    """How a block scales along a strategy: ``scaling`` (``scaling.blocks``), normalised to its flops as s grows."""

    scaling: BlockScaling
    with_steps: bool = False

    @property
    def block(self) -> Block:
        """The block, with its ``cost`` in symbols."""
        return self.scaling.block

    @property
    def strategy(self) -> Strategy:
        """The strategy."""
        return self.scaling.strategy

    @property
    def exponents(self) -> Complexity:
        """The exact exponents of flops, params and acts in the limit: Fractions."""
        return self.scaling.limits

    @property
    def multipliers(self) -> Multipliers:
        """What depth, width, group width and resolution are multiplied by: sympy expressions in s."""
        return Multipliers(*(s**exponent for exponent in self.scaling.along.direction))

    @property
    def steps(self) -> list[DerivationStep]:
        """The derivation, step by step."""
        return block_steps(self.scaling)

    def at(self, factor: float) -> Complexity:
        """The effective exponents d log cost / d log s at a factor: floats."""
        return self.scaling.at(resolve.number(factor, "a factor"))

    def report(self, form: str = "text") -> Sequence[Table | str]:
        if self.with_steps:
            return told(self.steps, form)
        cost = [{"cost": name, "formula": formula} for name, formula in self.block.cost.as_dict().items()]
        sizes = _numbers(self.block)
        multipliers = [{"strategy": self.strategy.name, **self.multipliers._asdict()}]
        return [
            Table(cost, f"{self.block.name}: {self.block.about}"),
            Table(multipliers, "What s multiplies, so that flops grow as s in the limit"),
            Table(self.rows(), f"Effective exponents at s ({sizes} at s = 1), and how far they are off their limits"),
        ]

    def rows(self) -> list[dict[str, Any]]:
        limits = self.exponents.as_dict()
        rows: list[dict[str, Any]] = []
        for factor in FACTORS:
            exponents = self.scaling.at(factor).as_dict()
            off = {f"{metric} off": round(exponents[metric] - float(limits[metric]), 12) + 0.0 for metric in METRICS}
            rows.append({"s": factor, **exponents, **off})
        return [*rows, {"s": "oo", **limits}]

    def as_dict(self) -> dict[str, Any]:
        data = {
            "strategy": self.strategy.name,
            "layer": self.block.name,
            "about": self.block.about,
            "cost": self.block.cost.as_dict(),
            "base": {str(x): value for x, value in self.block.base.items()},
            "multipliers": self.multipliers._asdict(),
            "exponents": self.exponents.as_dict(),
            "table": self.rows(),
        }
        return data | ({"steps": step_data(self.steps)} if self.with_steps else {})

    def summary(self) -> str:
        grown = ", ".join(f"{metric} s^{exponent}" for metric, exponent in self.exponents.as_dict().items())
        return f"{self.strategy} on {self.block.name}: {grown} in the limit"


def _numbers(found: Block) -> str:
    """The sizes at s = 1 of the symbols that stand in its cost."""
    used = set().union(*(form.free_symbols for form in found.cost.as_dict().values()))
    return ", ".join(f"{x} = {value}" for x, value in found.base.items() if x in used)


def block_steps(scaling: BlockScaling) -> list[DerivationStep]:
    """How the exponents of a block come about: cost, direction, normalisation, substitution, slope, limit."""
    found, cost = scaling.block, scaling.block.cost.as_dict()
    along = {x: x * s**e for x, e in zip(DIMENSIONS, scaling.along.direction, strict=True)}
    asked = dict(zip(DIMENSIONS, scaling.strategy.direction, strict=True))
    growth = scaling.strategy.direction
    first = next((a / b for a, b in zip(growth, scaling.along.direction, strict=True) if b), Fraction(1))
    numbers = _numbers(found)
    factors = [(factor, scaling.at(factor).as_dict()) for factor in (1, FACTORS[-1])]
    return [
        DerivationStep(
            f"The block ({found.name}): {found.about}",
            tuple((sympy.Symbol(metric), form) for metric, form in cost.items()),
        ),
        DerivationStep(
            f"The strategy {scaling.strategy}: exponents of s in d, w, g and r",
            ((sympy.Symbol("delta"), sympy.Matrix([[sympy.Rational(e) for e in asked.values()]])),),
        ),
        DerivationStep(
            "Of the flops, the terms that grow fastest along it grow with this exponent: divide by it, so that flops "
            "grow as s in the limit",
            (
                (sympy.Symbol("M_flops") * sympy.Symbol("delta"), sympy.Rational(first)),
                (sympy.Symbol("delta'"), sympy.Matrix([[sympy.Rational(e) for e in scaling.along.direction]])),
            ),
        ),
        DerivationStep(
            "Put the scaled sizes into each cost",
            tuple(
                (sympy.Symbol(f"{metric}'"), sympy.expand(form.subs(along, simultaneous=True)))
                for metric, form in cost.items()
            ),
        ),
        DerivationStep(
            f"The effective exponent is the slope of the logarithm in log s, at s ({numbers} at s = 1):",
            tuple(
                (f"d log {metric} / d log s at s = {factor:g}", sympy.Float(exponents[metric], 4))
                for factor, exponents in factors
                for metric in METRICS
            ),
        ),
        DerivationStep(
            "As s grows, the terms with the greatest exponent are left",
            tuple((f"limit for {metric}", sympy.Rational(limit)) for metric, limit in scaling.limits.as_dict().items()),
        ),
    ]


def derive_block(strategy: Strategy, layer: Any, input: Any, steps: bool) -> BlockResult:
    """``derive`` of a block. Raises InvalidInput for what is none."""
    return BlockResult(block_scaling(block_of(layer, input), strategy), steps)


def block_rows(strategies: Sequence[str] = COMPARED, factor: float = 1) -> list[dict[str, Any]]:
    """Every named block against strategies: exponents of its metrics at a factor, and their limits."""
    rows = []
    for kind in USUAL:
        for name in strategies:
            scaling = block_scaling(blocks.block(kind), resolve.strategy(name))
            at, limits = scaling.at(factor).as_dict(), scaling.limits.as_dict()
            told = {f"{metric} at s = {factor:g}": at[metric] for metric in METRICS}
            rows.append({"block": kind, "strategy": name, **told, **limits})
    return rows


def block_table() -> Table:
    """The table of all blocks: effective exponents at s = 1, and the limits, along the compared strategies."""
    return Table(block_rows(), "Blocks: effective exponents at s = 1, and their limits as s grows")

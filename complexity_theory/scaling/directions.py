"""Which directions keep budgets: params and acts growing no faster than given powers of s, while flops grow as s.

All such directions are a polytope in the exponents of s in depth, width, group width and resolution: it is told by its
vertices, exactly, and its cut with the family of fast scaling by the interval of alpha.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import alpha
from complexity_theory.graph.complexity import METRICS
from complexity_theory.scaling.exponents import GROUP_WIDTHS, Derivation, derive, log_matrix, named
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import exact, fast

BOUNDED = ("params", "acts")
DELTA = sympy.symbols("delta_d delta_w delta_g delta_r")  # exponents of s in depth, width, group width, resolution

# a . delta <= b, and what it says
Condition: TypeAlias = "tuple[sympy.Matrix, sympy.Rational, str]"


@dataclass(frozen=True, slots=True)
class Interval:
    """The alphas for which fast scaling keeps one bound: all in 0..1 up to ``most``, from ``least`` on."""

    metric: str
    exponent: Any
    least: Fraction
    most: Fraction

    @property
    def condition(self) -> sympy.Basic:
        """What alpha must be: an inequality, or true or false."""
        if self.least > self.most:
            return sympy.false
        if self.least > 0:
            return sympy.Ge(alpha, sympy.Rational(self.least), evaluate=False)
        return sympy.Le(alpha, sympy.Rational(self.most), evaluate=False) if self.most < 1 else sympy.true


@dataclass(frozen=True, slots=True)
class FeasibleDirections:
    """The directions on a kind of layer that keep bounds on the exponents of params and acts.

    ``vertices``: of the polytope, as derivations (each with its strategy, multipliers and exponents), empty where no
    direction keeps the bounds. ``intervals``: of alpha, one for each bound.
    """

    layer: str
    bounds: Mapping[str, Fraction]
    vertices: tuple[Derivation, ...]
    intervals: tuple[Interval, ...]

    @property
    def alphas(self) -> tuple[Fraction, Fraction] | None:
        """The least and greatest alpha of fast scaling that keeps all bounds, or None where none does."""
        least = max((interval.least for interval in self.intervals), default=Fraction(0))
        most = min((interval.most for interval in self.intervals), default=Fraction(1))
        return (least, most) if least <= most else None

    def slowest(self, metric: str) -> Derivation:
        """The vertex along which a metric grows slowest: no other direction of the polytope has it grow slower."""
        return min(self.vertices, key=lambda vertex: getattr(vertex.exponents, metric))

    def why_none(self) -> str:
        """What stands against each other where no direction keeps the bounds."""
        if self.vertices:
            return ""
        alone = (f"under params at most s^{bound} alone" for name, bound in self.bounds.items() if name == "params")
        loosest = directions({name: bound for name, bound in self.bounds.items() if name == "params"}, self.layer)
        least = loosest.slowest("acts").exponents.acts if loosest.vertices else None
        if least is None:
            return "none: " + next(alone) + " flops cannot grow"
        return f"none: {next(alone, 'in any direction')}, acts grow at least as s^{least}"

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; ``strategy``, ``multipliers`` and ``exponents`` are of the direction of slowest acts."""
        alphas = self.alphas
        return {
            **(self.slowest("acts").as_dict() if self.vertices else {"strategy": None}),
            "layer": self.layer,
            "budgets": dict(self.bounds),
            "fast": {
                "alpha": None if alphas is None else list(alphas),
                "conditions": {interval.metric: interval.condition for interval in self.intervals},
            },
            "vertices": [vertex.as_dict() for vertex in self.vertices],
            "slowest": {metric: self.slowest(metric).strategy.name for metric in BOUNDED} if self.vertices else {},
        }


def parse_bounds(text: str) -> dict[str, Fraction]:
    """Bounds on exponents from text such as ``params:9/10,acts:3/5``, exactly.

    Raises InvalidInput that names the part at fault.

    >>> parse_bounds("params:9/10,acts:0.6")["acts"]
    Fraction(3, 5)
    """
    bounds: dict[str, Fraction] = {}
    for part in text.split(","):
        metric, colon, number = part.strip().partition(":")
        if not colon or metric not in BOUNDED or metric in bounds:
            raise InvalidInput(
                f"budgets are such as params:9/10,acts:3/5, each of params and acts once, not {part!r:.60}"
            )
        bounds[metric] = exact(number, f"the budget of {metric}")
    return bounds


def directions(bounds: Mapping[str, Fraction], layer: str = "conv") -> FeasibleDirections:
    """The directions along which flops grow as s and params and acts no faster than s to the power of their bounds.

    With M the LogMatrix of the layer, all delta >= 0 with M_flops delta = 1, M_params delta <= bound, M_acts delta <=
    bound; a dense layer's group width follows the width, a depthwise one's stays, another's outgrows no width. Raises
    InvalidInput for an unknown layer or metric, and for bounds below 0.

    >>> found = directions({"params": Fraction(9, 10), "acts": Fraction(3, 5)})
    >>> found.alphas, found.slowest("acts").exponents.acts, sorted(vertex.strategy.name for vertex in found.vertices)
    ((Fraction(4, 5), Fraction(4, 5)), 11/20, ['dWr', 'w4_g4_r1', 'w9_g9_r1'])
    """
    for metric, bound in bounds.items():
        if metric not in BOUNDED:
            raise InvalidInput(f"a budget is of {' or '.join(BOUNDED)}, not of {metric}")
        if bound < 0:
            raise InvalidInput(f"the budget of {metric} must be at least 0, not {bound}")
    vertices = {tuple(vertex): named(vertex, layer) for vertex in _vertices(bounds, layer)}
    intervals = tuple(_interval(metric, bound, layer) for metric, bound in bounds.items())
    return FeasibleDirections(
        layer, dict(bounds), tuple(vertices[key] for key in sorted(vertices, reverse=True)), intervals
    )


def _equalities(layer: str) -> list[tuple[sympy.Matrix, int]]:
    """What every direction keeps: flops grow as s, and the group width does as the layer has it."""
    rows = [(log_matrix(layer).row(0), 1)]
    if layer == "conv":
        rows.append((sympy.Matrix([[0, 1, -1, 0]]), 0))
    elif layer == "depthwise-conv":
        rows.append((sympy.Matrix([[0, 0, 1, 0]]), 0))
    return rows


def _conditions(bounds: Mapping[str, Fraction], layer: str) -> list[tuple[sympy.Matrix, sympy.Rational]]:
    """The inequalities a . delta <= b: bounds, nothing shrinks, no group width outgrows the width."""
    matrix = log_matrix(layer)
    rows = [(matrix.row(METRICS.index(metric)), sympy.Rational(bound)) for metric, bound in bounds.items()]
    rows += [(-sympy.eye(4).row(i), sympy.Integer(0)) for i in range(4)]
    if layer == "group-conv":
        rows.append((sympy.Matrix([[0, -1, 1, 0]]), sympy.Integer(0)))
    return rows


def _vertices(bounds: Mapping[str, Fraction], layer: str) -> Iterator[sympy.Matrix]:
    """The vertices: where as many conditions hold with equality as there are dimensions left, and the others hold."""
    equal, conditions = _equalities(layer), _conditions(bounds, layer)
    for active in itertools.combinations(conditions, 4 - len(equal)):
        rows = [*equal, *active]
        matrix = sympy.Matrix.vstack(*(row for row, _ in rows))
        if matrix.rank() < 4:
            continue
        vertex = matrix.LUsolve(sympy.Matrix([bound for _, bound in rows]))
        if all(row.dot(vertex) <= bound for row, bound in conditions):
            yield vertex


def _interval(metric: str, bound: Fraction, layer: str) -> Interval:
    """The alphas that keep one bound; exponents of the fast family are quotients of functions linear in alpha."""
    exponent = getattr(derive(fast(alpha), layer).exponents, metric)
    numerator, denominator = sympy.fraction(sympy.together(exponent))
    over = sympy.Poly(numerator - sympy.Rational(bound) * denominator, alpha)  # at most 0 where the bound is kept
    slope, start = over.coeff_monomial(alpha), over.coeff_monomial(1)
    least, most = Fraction(0), Fraction(1)
    if slope == 0:
        return Interval(metric, exponent, least, most if start <= 0 else Fraction(-1))
    root = -start / slope
    cut = Fraction(int(root.p), int(root.q))
    if slope > 0:
        most = min(most, cut)
    else:
        least = max(least, cut)
    return Interval(metric, exponent, least, most)


def direction_steps(found: FeasibleDirections) -> list[DerivationStep]:
    """How the directions come about: the conditions, the family of fast scaling, the vertices, the slowest."""
    layer, matrix = found.layer, log_matrix(found.layer)
    delta = sympy.Matrix(DELTA)
    rows = dict(zip(METRICS, range(3), strict=True))
    bounded = [sympy.Le(matrix.row(rows[m]).dot(delta), sympy.Rational(b)) for m, b in found.bounds.items()]
    group = {"conv": sympy.Eq(DELTA[2], DELTA[1]), "depthwise-conv": sympy.Eq(DELTA[2], 0)}
    alphas = found.alphas
    listed = [
        DerivationStep(
            f"Depth, width, group width and resolution grow as s to the powers delta, the metrics of a {layer} "
            f"(group width {GROUP_WIDTHS[layer]}) as s to M delta",
            ((sympy.Symbol("M"), matrix), (sympy.Symbol("delta"), delta.T)),
        ),
        DerivationStep(
            "Flops grow as s, and the budgets bound the other rows",
            (
                (matrix.row(0).dot(delta), sympy.Integer(1)),
                *((bound,) for bound in bounded),
                (group.get(layer, sympy.Le(DELTA[2], DELTA[1])),),
                *((sympy.Ge(part, 0),) for part in DELTA),
            ),
        ),
        DerivationStep(
            "Along fast scaling the exponents are functions of alpha; each budget cuts the interval from 0 to 1",
            tuple(
                equation
                for i in found.intervals
                for equation in (
                    (f"exponent of {i.metric}", i.exponent),
                    (sympy.Le(i.exponent, sympy.Rational(found.bounds[i.metric]), evaluate=False),),
                    (i.condition,),
                )
            ),
        ),
        DerivationStep(
            "What all of them leave of it",
            ((sympy.Interval(*map(sympy.Rational, alphas)) if alphas else sympy.EmptySet,),),
        ),
        DerivationStep(
            "All directions together are a polytope: at each of its corners as many conditions are equalities as there "
            "are exponents to choose. In the order of d, w, g, r:",
            tuple((vertex.strategy.name, sympy.Matrix([vertex.direction])) for vertex in found.vertices)
            or (("there is none", sympy.EmptySet),),
        ),
    ]
    if found.vertices:
        slowest = tuple(
            (
                f"{metric} slowest along {found.slowest(metric).strategy}",
                getattr(found.slowest(metric).exponents, metric),
            )
            for metric in BOUNDED
        )
        listed.append(DerivationStep("An exponent is linear in delta, so it is least at a corner", slowest))
    return listed

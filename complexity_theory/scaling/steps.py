"""The derivation of a strategy's exponents, step by step, as a student would write it: text, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sympy

from complexity_theory.core.symbols import s
from complexity_theory.core.text import for_latex
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import Scalable
from complexity_theory.scaling.closed_form import RESOLUTION_UNIT, VARIABLES, closed_form, own_unit, step_of_n
from complexity_theory.scaling.effective import EffectiveExponents
from complexity_theory.scaling.exponents import (
    DIMENSIONS,
    GROUP_WIDTHS,
    Derivation,
    flops_exponent,
    layer_complexity,
    layer_direction,
    log_matrix,
)

# A side of an equation: a name, shown upright, or an expression.
Side: TypeAlias = "str | sympy.Basic"
Equation: TypeAlias = "tuple[Side, ...]"


_LATEX = {
    "mat_str": "array",
    "root_notation": False,
    "mul_symbol": r"\,",
    "symbol_names": {sympy.Symbol("delta'"): r"\delta'"}
    | {sympy.Symbol(name): rf"\mathrm{{{name}}}" for metric in (*METRICS, "kept") for name in (metric, f"{metric}'")},
}


@dataclass(frozen=True, slots=True)
class DerivationStep:
    """A step: what is done, and the equations that come out, each a chain of equal sides."""

    title: str
    equations: tuple[Equation, ...]


def layer_steps(derivation: Derivation) -> list[DerivationStep]:
    """How the exponents of a strategy on a kind of layer come about: cost, matrix, direction, multipliers, result."""
    layer, strategy = derivation.layer, derivation.strategy
    cost = layer_complexity(layer).as_dict()
    delta = layer_direction(strategy, layer)
    scaled = {
        x: sympy.UnevaluatedExpr(x * multiplier)
        for x, multiplier in zip(DIMENSIONS, derivation.multipliers, strict=True)
        if multiplier != 1
    }
    exponents = derivation.exponents.as_dict()
    return [
        DerivationStep(
            f"The layer ({layer}): d convolutions k x k in a row, of width w and group width {GROUP_WIDTHS[layer]}, "
            "on feature maps of r x r",
            tuple((sympy.Symbol(metric), f) for metric, f in cost.items()),
        ),
        DerivationStep(
            "Each metric is a product of powers, so its logarithm is linear in those of d, w, g and r. Differentiating "
            "log flops, log params, log acts (rows) by log d, log w, log g, log r (columns):",
            ((sympy.Symbol("M"), log_matrix(layer)),),
        ),
        DerivationStep(
            f"The strategy {strategy}: its shares of d, w, g and r, and the direction they give (half of the shares of "
            "w, g and r; a dense layer's g follows w, a depthwise one's is fixed)",
            ((sympy.Symbol("e"), sympy.Matrix([strategy.shares])), (sympy.Symbol("delta"), delta.T)),
        ),
        DerivationStep(
            "Flops must grow as s: divide delta by the exponent of flops along it (the first row of M times delta)",
            (
                (sympy.Symbol("M_flops") * sympy.Symbol("delta"), flops_exponent(delta, layer)),
                (sympy.Symbol("delta'"), sympy.Matrix([derivation.direction])),
            ),
        ),
        DerivationStep(
            "So the factor s multiplies the dimensions",
            tuple((sympy.Symbol(f"{x}'"), x * m) for x, m in zip(DIMENSIONS, derivation.multipliers, strict=True)),
        ),
        DerivationStep(
            "Put these into each metric, and simplify",
            tuple(
                (sympy.Symbol(f"{m}'"), f.subs(scaled), s ** exponents[m] * sympy.Symbol(m)) for m, f in cost.items()
            ),
        ),
        DerivationStep(
            "The exponents of s: the rows of M times delta'",
            tuple((f"exponent of {metric}", exponents[metric]) for metric in METRICS),
        ),
    ]


def closed_form_step(network: Scalable, form: Complexity, **more: sympy.Expr) -> DerivationStep:
    """The closed form of a network, and what its letters mean. ``more``: further polynomials by name."""
    unit, sides = own_unit(network), network.sizes()["resolution"]
    rounds = (
        "" if unit.denominator == 1 else ", no integer: there strided sizes round up, and the exact counts are higher"
    )
    step = step_of_n(network)
    if step > 1:
        rounds += f"; exact for n that is a multiple of {step}: at others strided sizes round up"
    square = f"an input of {RESOLUTION_UNIT} n x {RESOLUTION_UNIT} n"
    given = (
        f"an input of height {RESOLUTION_UNIT} n and the proportions of its own" if isinstance(sides, tuple) else square
    )
    own = " x ".join(map(str, sides)) if isinstance(sides, tuple) else str(sides)
    return DerivationStep(
        f"The closed form of {network.name}: the costs of its layers added up, with multipliers d, w, g of depth, "
        f"width and group width, and {given} (its own {own} is n = {unit}{rounds})",
        tuple((sympy.Symbol(metric), f) for metric, f in {**form.as_dict(), **more}.items()),
    )


def network_steps(scaling: EffectiveExponents, factors: Iterable[float]) -> list[DerivationStep]:
    """How the effective exponents of a network come about: closed form, multipliers, substitution, slope, limit."""
    form = closed_form(scaling.network)
    start = dict(zip(VARIABLES, (1, 1, 1, own_unit(scaling.network)), strict=True))
    along = {x: start[x] * s**e for x, e in zip(VARIABLES, scaling.strategy.direction, strict=True)}
    at = {factor: scaling.at(factor).as_dict() for factor in factors}
    return [
        closed_form_step(scaling.network, form),
        DerivationStep(
            f"The strategy {scaling.strategy} multiplies the dimensions by powers of s",
            tuple(along.items()),
        ),
        DerivationStep(
            "Put these into the closed form",
            tuple((sympy.Symbol(metric), sympy.expand(f.subs(along))) for metric, f in form.as_dict().items()),
        ),
        DerivationStep(
            "The effective exponent is the slope of the logarithm in log s, at s:",
            tuple(
                (f"d log {metric} / d log s at s = {factor:g}", sympy.Float(exponents[metric], 4))
                for factor, exponents in at.items()
                for metric in METRICS
            ),
        ),
        DerivationStep(
            "As s grows, the terms with the greatest exponent are left",
            tuple((f"limit for {metric}", sympy.Rational(limit)) for metric, limit in scaling.limits.as_dict().items()),
        ),
    ]


def render(steps: Sequence[DerivationStep], form: str) -> str:
    """The steps as ``text``, ``markdown`` or ``latex`` (a fragment to include; it needs no package).

    They are numbered where there are several.

    >>> print(render([DerivationStep("Twice", (("y", 2 * s),))], "text"))
    Twice
       y = 2*s
    """
    written = {"text": _text, "markdown": _markdown, "latex": _latex}[form]
    numbers = [f"{number}. " for number in range(1, len(steps) + 1)] if len(steps) > 1 else [""]
    parts = (written(number + step.title, step.equations) for number, step in zip(numbers, steps, strict=True))
    return "\n\n".join("\n".join(lines) for lines in parts)


def chain(equation: Equation, side: Callable[[Side], str]) -> str:
    """The equal sides of an equation, each told by ``side`` (``text_side`` or ``latex_side``)."""
    return " = ".join(side(part) for part in equation)


def text_side(side: Side) -> str:
    """A side as plain text."""
    return str(side.tolist()) if isinstance(side, sympy.MatrixBase) else str(side)


def latex_side(side: Side) -> str:
    """A side as LaTeX."""
    if isinstance(side, str):
        return rf"\mbox{{{for_latex(side)}}}"
    return str(sympy.latex(side, **_LATEX))


def _text(heading: str, equations: Iterable[Equation]) -> list[str]:
    return [heading, *(f"   {chain(equation, text_side)}" for equation in equations)]


def _markdown(heading: str, equations: Iterable[Equation]) -> list[str]:
    return [heading, "", *(f"- ${chain(equation, latex_side)}$" for equation in equations)]


def _latex(heading: str, equations: Iterable[Equation]) -> list[str]:
    # Inline formulas, since a line breaks at a plus sign there and no network's polynomial fits on one.
    items = [rf"\item[] $\displaystyle {chain(equation, latex_side)}$" for equation in equations]
    return [rf"\noindent {for_latex(heading)}", r"\begin{itemize}", *items, r"\end{itemize}"]

"""Derivations as MathML, which browsers typeset themselves."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE

from complexity_theory.scaling.steps import DerivationStep, Equation, Side


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # sympy has no types
    """Sympy's, with what was left unevaluated shown as what it stands for."""

    def _print_UnevaluatedExpr(self, expr: Any) -> Any:  # noqa: N802  (sympy's name)
        return self._print(expr.args[0])

    def _print_Symbol(self, sym: Any, style: str = "plain") -> Any:  # noqa: N802
        if not sym.name.endswith("'"):
            return super()._print_Symbol(sym, style)
        made = self.dom.createElement("msup")
        prime = self.dom.createElement("mo")
        prime.appendChild(self.dom.createTextNode("′"))
        made.appendChild(self._print(sympy.Symbol(sym.name[:-1])))
        made.appendChild(prime)
        return made

    def _print_Pow(self, expr: Any) -> Any:  # noqa: N802
        base, power = expr.args
        if not power.is_Rational or power.is_Integer:
            return super()._print_Pow(expr)
        made, row = self.dom.createElement("msup"), self.dom.createElement("mrow")
        for tag, text in (("mn", power.p), ("mo", "/"), ("mn", power.q)):  # a fraction so small is hard to read
            part = self.dom.createElement(tag)
            part.appendChild(self.dom.createTextNode(str(text)))
            row.appendChild(part)
        made.appendChild(self.parenthesize(base, PRECEDENCE["Pow"]))
        made.appendChild(row)
        return made


# A name of several letters and what it is multiplied by would read as one name.
_WORD = re.compile(r"(<mi>\w{2,}</mi>)<mo>&InvisibleTimes;</mo>")
_PRINTER = _Printer({"root_notation": False, "mat_delim": "["})


def side(part: Side) -> str:
    """A side of an equation.

    >>> side("a < b"), side(sympy.Symbol("delta'"))
    ('<mtext>a &lt; b</mtext>', '<msup><mi>&#948;</mi><mo>&#8242;</mo></msup>')
    >>> side(sympy.Symbol("flops") * sympy.Symbol("s") ** sympy.Rational(2, 5))
    '<mrow><mi>flops</mi><mo>·</mo><msup><mi>s</mi><mrow><mn>2</mn><mo>/</mo><mn>5</mn></mrow></msup></mrow>'
    """
    if isinstance(part, str):
        return f"<mtext>{html.escape(part)}</mtext>"
    return _WORD.sub(r"\1<mo>·</mo>", str(_PRINTER.doprint(sympy.sympify(part))))


def equation(sides: Equation) -> str:
    """A chain of equal sides as one formula.

    >>> from sympy.abc import s
    >>> equation((s, sympy.Integer(2)))
    '<math displaystyle="true"><mi>s</mi><mo>=</mo><mn>2</mn></math>'
    """
    return f'<math displaystyle="true">{"<mo>=</mo>".join(map(side, sides))}</math>'


def steps(found: Sequence[DerivationStep]) -> list[dict[str, Any]]:
    """Steps as data: the title as text, the equations as MathML."""
    return [{"title": step.title, "equations": [equation(each) for each in step.equations]} for step in found]

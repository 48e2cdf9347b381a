"""Sizes as text: polynomials in named sizes, such as ``2*stem + 8``, read and evaluated without a symbol library."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, is_symbolic

# A coefficient, and the names that it multiplies, each with its power.
Monomial = tuple[Fraction, tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of terms in named sizes.

    >>> form = parse("2*stem*(stem + 4) + 8")
    >>> form.at({"stem": 3}), str(form)
    (50, '2*stem**2 + 8*stem + 8')
    """

    terms: tuple[Monomial, ...]

    @property
    def names(self) -> set[str]:
        """The names of the sizes that it depends on."""
        return {name for _, powers in self.terms for name, _ in powers}

    def at(self, sizes: Mapping[str, Size]) -> Size:
        """Its value: an int, symbol or array. Raises InvalidInput where ints give no whole number."""
        total: Size = 0
        for coefficient, powers in self.terms:
            product: Size = 1
            for name, power in powers:
                product = product * (sizes[name] if power == 1 else sizes[name] ** power)
            total = total + _times(coefficient, product)
        if isinstance(total, Fraction):
            if total.denominator != 1:
                raise InvalidInput(f"{self} is no whole number where {_told(self.names, sizes)}")
            return int(total)
        return total

    def __str__(self) -> str:
        return " + ".join(map(_text, self.terms)).replace("+ -", "- ") or "0"


def _times(coefficient: Fraction, product: Size) -> Size:
    if coefficient.denominator == 1:
        return coefficient.numerator * product
    if type(product) is int:
        return coefficient * product
    if is_symbolic(product):
        return product * coefficient.numerator / coefficient.denominator
    return product * coefficient.numerator // coefficient.denominator


def _told(names: set[str], sizes: Mapping[str, Size]) -> str:
    return ", ".join(f"{name} is {sizes[name]}" for name in sorted(names))


def _text(term: Monomial) -> str:
    coefficient, powers = term
    factors = [name if power == 1 else f"{name}**{power}" for name, power in powers]
    number = str(coefficient.numerator)
    if not factors:
        text = number
    elif number in ("1", "-1"):
        text = number[:-1] + "*".join(factors)
    else:
        text = "*".join([number, *factors])
    return text if coefficient.denominator == 1 else f"{text}/{coefficient.denominator}"


@cache
def parse(text: str) -> Polynomial:
    """The polynomial of a text of names, integers, ``+ - * / ** ( )``.

    Raises InvalidInput for anything else.

    >>> parse("w1/2 - 1").at({"w1": 8})
    3
    >>> parse("open(0)")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: 'open(0)' is no size: one is made of names, integers and + - * / **
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _no_size(text) from None
    terms = _terms(tree, text)
    return Polynomial(tuple((c, powers) for powers, c in sorted(terms.items(), key=_order) if c))


def _order(item: tuple[tuple[tuple[str, int], ...], Fraction]) -> Any:
    return -sum(power for _, power in item[0]), item[0]


def _no_size(text: str) -> InvalidInput:
    return InvalidInput(f"{text!r} is no size: one is made of names, integers and + - * / **")


def _terms(node: ast.expr, text: str) -> dict[tuple[tuple[str, int], ...], Fraction]:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return {(): Fraction(value)}
        case ast.Name():
            return {((node.id, 1),): Fraction(1)}
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return {powers: -c for powers, c in _terms(operand, text).items()}
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            found = dict(_terms(left, text))
            sign = 1 if isinstance(op, ast.Add) else -1
            for powers, c in _terms(right, text).items():
                found[powers] = found.get(powers, Fraction(0)) + sign * c
            return found
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(_terms(left, text), _terms(right, text))
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=int() as value)) if value:
            return {powers: c / value for powers, c in _terms(left, text).items()}
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as value)) if 0 <= value <= 9:
            found = {(): Fraction(1)}
            for _ in range(value):
                found = _product(found, _terms(left, text))
            return found
    raise _no_size(text)


def _product(
    a: dict[tuple[tuple[str, int], ...], Fraction], b: dict[tuple[tuple[str, int], ...], Fraction]
) -> dict[tuple[tuple[str, int], ...], Fraction]:
    found: dict[tuple[tuple[str, int], ...], Fraction] = {}
    for x, c in a.items():
        for y, e in b.items():
            powers = dict(x)
            for name, power in y:
                powers[name] = powers.get(name, 0) + power
            key = tuple(sorted(powers.items()))
            found[key] = found.get(key, Fraction(0)) + c * e
    return found

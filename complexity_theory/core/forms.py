"""Polynomials as sizes: what ``core.sizes`` takes for symbols, in an arithmetic made for the costs of large networks.

The closed form of a network is the sum over all its layers. Added up in a symbol library a thousand stages take
minutes; here a size is a short dictionary. What is no polynomial (a floor that depends on a variable) is UNDECIDED, and
so is all that is made of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from complexity_theory.core.polynomial import Polynomial

Powers = tuple[int, ...]
Number = int | Fraction


class Undecided:
    """What is no polynomial, and how one compares where that depends on its variables: neither true nor false."""

    __slots__ = ()
    free_symbols = frozenset({"?"})  # a symbol for ``core.sizes``

    def _same(self, *_: object) -> Undecided:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __neg__ = expand = _same
    __lt__ = __le__ = __gt__ = __ge__ = _same

    def __str__(self) -> str:
        return "a size that is no polynomial"


UNDECIDED = Undecided()


class Form:
    """A polynomial with rational coefficients in variables that are integers of 1 or more.

    ``terms``: by the powers of the variables, in the order of ``names``, the coefficients, none of them 0. What is
    constant and whole comes out as an int. Division rounds down, as of ints, where that leaves a polynomial.

    >>> w, n = variables("w", "n")
    >>> str((2 * w + 3) * n - n), (32 * n + 1) // 2, w // 2 is UNDECIDED, n - n
    ('2*w*n + 2*n', Form(16*n), True, 0)
    """

    __slots__ = ("names", "terms")

    def __init__(self, names: tuple[str, ...], terms: Mapping[Powers, Number]) -> None:
        self.names, self.terms = names, terms

    @property
    def free_symbols(self) -> frozenset[str]:
        """The variables that it depends on."""
        return frozenset(name for powers in self.terms for name, power in zip(self.names, powers, strict=True) if power)

    def expand(self) -> Form:
        """Itself."""
        return self

    def _made(self, terms: dict[Powers, Number]) -> Any:
        constant = (0,) * len(self.names)
        if not terms:
            return 0
        if len(terms) == 1 and constant in terms and terms[constant].denominator == 1:
            return int(terms[constant])
        return Form(self.names, terms)

    def _terms_of(self, other: Any) -> Mapping[Powers, Number] | None:
        if isinstance(other, Form):
            return other.terms
        if isinstance(other, (int, Fraction)):
            return {(0,) * len(self.names): other} if other else {}
        return None

    def _added(self, other: Any, sign: int) -> Any:
        theirs = self._terms_of(other)
        if theirs is None:
            return NotImplemented
        terms = dict(self.terms)
        for powers, c in theirs.items():
            if new := terms.get(powers, 0) + sign * c:
                terms[powers] = new
            else:
                del terms[powers]
        return self._made(terms)

    def __add__(self, other: Any) -> Any:
        return self._added(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._added(other, -1)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __neg__(self) -> Form:
        return Form(self.names, {powers: -c for powers, c in self.terms.items()})

    def __mul__(self, other: Any) -> Any:
        theirs = self._terms_of(other)
        if theirs is None:
            return NotImplemented
        terms: dict[Powers, Number] = {}
        for a, c in self.terms.items():
            for b, e in theirs.items():
                powers = tuple(map(int.__add__, a, b))
                if new := terms.get(powers, 0) + c * e:
                    terms[powers] = new
                else:
                    del terms[powers]
        return self._made(terms)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Any:
        found: Any = 1
        for _ in range(power):
            found = found * self
        return found

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, (int, Fraction)):
            return self * (Fraction(1) / other)
        quotient, rest = self._divided(other)
        return quotient if rest == 0 else UNDECIDED

    def __rtruediv__(self, other: Any) -> Any:
        return UNDECIDED if other else 0

    def __floordiv__(self, other: Any) -> Any:
        return self._divided(other)[0]

    def __rfloordiv__(self, other: Any) -> Any:
        return UNDECIDED if other else 0

    def __mod__(self, other: Any) -> Any:
        return self._divided(other)[1]

    def __rmod__(self, other: Any) -> Any:
        return UNDECIDED if other else 0

    def _divided(self, other: Any) -> tuple[Any, Any]:
        """The whole quotient and the rest, which is a number, or UNDECIDED where it depends on the variables."""
        divisor = self._terms_of(other)
        if not divisor:
            return UNDECIDED, UNDECIDED
        constant = (0,) * len(self.names)
        lead = max(divisor)
        rest, quotient = dict(self.terms), dict[Powers, Number]()
        while rest:
            first = max(rest)
            if first == constant == lead and isinstance(other, int):
                break
            powers = tuple(map(int.__sub__, first, lead))
            ratio = Fraction(rest[first]) / divisor[lead]
            if min(powers) < 0 or ratio.denominator != 1:
                return UNDECIDED, UNDECIDED
            quotient[powers] = int(ratio)
            for b, e in divisor.items():
                place = tuple(map(int.__add__, powers, b))
                if new := rest.get(place, 0) - ratio.numerator * e:
                    rest[place] = new
                else:
                    del rest[place]
        whole, left = divmod(rest.get(constant, 0), other) if rest else (0, 0)
        if whole:
            quotient[constant] = int(whole)
        return self._made(quotient), left

    # -- comparisons, of all values that the variables may have

    def _against(self, other: Any) -> tuple[Any, Any, Any]:
        """Bounds of its values, and the number to hold them against; of two polynomials, of their difference and 0."""
        if isinstance(other, Form):
            difference = self - other
            return (*difference._bounds(), 0) if isinstance(difference, Form) else (difference, difference, 0)
        return (*self._bounds(), other)

    def _bounds(self) -> tuple[Any, Any]:
        """Bounds of its values: at 1 of all variables where it grows or falls in each."""
        constant = (0,) * len(self.names)
        varying = [c > 0 for powers, c in self.terms.items() if powers != constant]
        at_one = sum(self.terms.values())
        return (at_one if all(varying) else -math.inf), (math.inf if any(varying) else at_one)

    def __lt__(self, other: Any) -> Any:
        low, high, number = self._against(other)
        return _decided(high < number, low >= number)

    def __le__(self, other: Any) -> Any:
        low, high, number = self._against(other)
        return _decided(high <= number, low > number)

    def __gt__(self, other: Any) -> Any:
        low, high, number = self._against(other)
        return _decided(low > number, high <= number)

    def __ge__(self, other: Any) -> Any:
        low, high, number = self._against(other)
        return _decided(low >= number, high < number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and self.names == other.names and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __str__(self) -> str:
        ordered = sorted(self.terms.items(), reverse=True)
        named = (tuple((n, p) for n, p in zip(self.names, powers, strict=True) if p) for powers, _ in ordered)
        return str(Polynomial(tuple((Fraction(c), each) for each, (_, c) in zip(named, ordered, strict=True))))

    def __repr__(self) -> str:
        return f"Form({self})"


def _decided(holds: Any, fails: Any) -> Any:
    """True where a relation holds of all values, False where of none."""
    return True if holds is True else False if fails is True else UNDECIDED


def variables(*names: str) -> tuple[Form, ...]:
    """Variables, each a ``Form`` of its own.

    >>> variables("d", "w")
    (Form(d), Form(w))
    """
    return tuple(Form(names, {tuple(int(i == j) for j in range(len(names))): 1}) for i in range(len(names)))

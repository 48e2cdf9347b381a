"""What serves Python ints, sympy symbols and numpy int64 arrays alike.

Every cost formula of this package is written once, with ``+ * **`` and the helpers below, and read three ways: fed
ints it counts exactly, fed symbols it gives the closed form, fed int64 arrays it counts a population elementwise.
This module imports numpy alone: a symbol is recognised by its ``free_symbols``, so that counting never loads sympy.
"""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np

# An int, a sympy expression or an int64 array: what a size or a count may be.
Size: TypeAlias = Any
Pair: TypeAlias = "Size | tuple[Size, Size]"


class InvalidInput(ValueError):  # noqa: N818 - what it is, not that it is an error
    """Bad input, told in one line: the offending value and what would be right."""


def is_symbolic(value: object) -> bool:
    """Whether ``value`` is a sympy expression (told without importing sympy).

    >>> is_symbolic(3)
    False
    """
    return hasattr(value, "free_symbols")


def ceil_div(a: Size, b: Size) -> Size:
    """``a / b`` rounded up, for ints, arrays (elementwise) and symbols (a ``floor``, simplified where sympy can).

    >>> ceil_div(7, 2)
    4
    """
    return -(-a // b)


def nearest(a: Size, b: int) -> Size:
    """``a / b`` as a size: ints and arrays to the nearest integer (half to even, as ``round``), symbols exactly.

    A symbolic size is ideal: it stands for the network before it is realised, and no closed form rounds.

    >>> nearest(30, 4), nearest(26, 4)
    (8, 6)
    """
    if is_symbolic(a):
        return a / b
    quotient, remainder = a // b, a % b
    up = (2 * remainder > b) | ((2 * remainder == b) & (quotient % 2 == 1))
    return quotient + up * 1


def refuted(condition: Any) -> bool:
    """Whether a condition is known to fail: False, False in any element of an array, or refuted for all symbols.

    What symbols leave undecided counts as possible.

    >>> refuted(3 > 2), refuted(np.array([1, 5]) > 2)
    (False, True)
    """
    return condition is not True and bool(np.any(operator.eq(condition, False)))


def same(a: Size, b: Size) -> bool:
    """Whether two sizes can be equal: ints and arrays are compared, symbols by the sign of the expanded difference.

    >>> same(3, 3), same(3, 4)
    (True, False)
    """
    equal = a == b
    if equal is True:
        return True
    if is_symbolic(a) or is_symbolic(b):
        difference = (a - b).expand()
        return not (refuted(difference <= 0) or refuted(difference >= 0))
    return bool(np.all(equal))


def divides(a: Size, b: Size) -> bool:
    """Whether ``a`` can divide ``b`` (undecided for symbols counts as yes).

    >>> divides(8, 24), divides(16, 24)
    (True, False)
    """
    # `<= 0` and not `== 0`: between symbols `==` is structural, a relation stays undecided as it should.
    return not refuted(b % a <= 0)


def pair(value: Pair) -> tuple[Size, Size]:
    """``(height, width)`` of a setting given as one size or as two.

    >>> pair(3), pair((1, 7))
    ((3, 3), (1, 7))
    """
    return value if isinstance(value, tuple) else (value, value)


def check_size(name: str, value: Size, least: int = 1) -> None:
    """Raises InvalidInput, with name and value, unless ``value`` is an int, symbol or int64 array, at least ``least``.

    >>> check_size("stride", 0)
    Traceback (most recent call last):
    complexity_theory.algebra.InvalidInput: stride must be at least 1, not 0
    """
    if type(value) is not int and not is_symbolic(value):
        kind = value.dtype if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__
        if kind != np.int64:
            raise InvalidInput(f"{name} must be an int, a sympy expression or an int64 array, not {value!r} ({kind})")
    if refuted(value >= least):
        raise InvalidInput(f"{name} must be at least {least}, not {value}")


def check_pair(name: str, value: Pair, least: int = 1) -> None:
    """``check_size`` for a setting that is one size or a (height, width) pair of them."""
    if isinstance(value, tuple) and len(value) != 2:
        raise InvalidInput(f"{name} must be one size or a (height, width) pair, not {value!r}")
    for size in pair(value):
        check_size(name, size, least)

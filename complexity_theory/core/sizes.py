"""What serves Python ints, sympy symbols and numpy int64 arrays alike.

Every cost formula of this package is written once, with ``+ * **`` and the helpers below, and read three ways: fed
ints it counts exactly, fed symbols it gives the closed form, fed int64 arrays it counts a population elementwise.
(Symbols are sympy's, or the polynomials of ``core.forms``, which are made for the sums over large networks.)
This module imports numpy alone: a symbol is recognised by its ``free_symbols``, so that counting never loads sympy.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from complexity_theory.core.errors import InvalidInput

_INTS = {int}
MOST_INT64 = 2**63 - 1  # the largest int64

# An int, a sympy expression or an int64 array: what a size or a count may be.
Size: TypeAlias = Any
Pair: TypeAlias = "Size | tuple[Size, Size]"


def is_symbolic(value: object) -> bool:
    """Whether ``value`` is a sympy expression (told without importing sympy).

    >>> is_symbolic(3)
    False
    """
    return hasattr(value, "free_symbols")


def _elementwise(operation: Callable[[Size, Size], Any], a: Size, b: Size) -> Any:
    """``operation(a, b)``. Raises InvalidInput for arrays of different lengths, and for ints that no array holds."""
    try:
        return operation(a, b)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"arrays of one length and int64 sizes are needed together, not {one_line(a)} and {one_line(b)}"
        ) from None


def one_line(value: Size) -> str:
    """A size on one line, also an array that numpy would break."""
    return " ".join(str(value).split())


def _most(value: Size) -> int:
    return int(value.max(initial=0)) if isinstance(value, np.ndarray) else int(value)


def _in_range(operation: Callable[[Size, Size], Any], a: Size, b: Size) -> Size:
    """``operation(a, b)`` of counts; int64 arrays, which would wrap silently, are held to what int64 holds."""
    result = _elementwise(operation, a, b)
    int64 = isinstance(result, (np.ndarray, np.generic)) and result.dtype == np.int64
    # The largest elements settle it mostly; else it is told from floats, which do not wrap.
    if (
        int64
        and operation(_most(a), _most(b)) > MOST_INT64
        and np.any(operation(np.asarray(a, float), b) >= MOST_INT64)
    ):
        raise InvalidInput(
            f"arrays count in int64, up to {MOST_INT64:.2e}, "
            f"which {one_line(a)} and {one_line(b)} exceed: count by ints"
        )
    return result


def product(a: Size, b: Size) -> Size:
    """``a * b``. Raises InvalidInput where arrays would exceed int64, or differ in length.

    >>> product(6, 7)
    42
    """
    return a * b if type(a) is type(b) is int else _in_range(operator.mul, a, b)


def total(a: Size, b: Size) -> Size:
    """``a + b``. Raises InvalidInput where arrays would exceed int64, or differ in length.

    >>> total(40, 2)
    42
    """
    return a + b if type(a) is type(b) is int else _in_range(operator.add, a, b)


def total_product(times: Sequence[Size], values: Sequence[Size]) -> Size:
    """The sum of ``values``, each so many times. Raises InvalidInput as ``product`` and ``total`` do.

    >>> total_product([1, 2], [40, 1])
    42
    """
    if {*map(type, times), *map(type, values)} <= _INTS:
        return sum(map(operator.mul, times, values))
    return reduce(total, map(product, times, values), 0)


def ceil_div(a: Size, b: Size) -> Size:
    """``a / b`` rounded up, for ints, arrays (elementwise) and symbols (a ``floor``, simplified where sympy can).

    >>> ceil_div(7, 2)
    4
    """
    return -(-a // b) if type(a) is type(b) is int else -_elementwise(operator.floordiv, -a, b)


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
    if type(a) is type(b) is int:
        return bool(a == b)
    equal = _elementwise(operator.eq, a, b)
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
    return not refuted(_elementwise(operator.mod, b, a) <= 0)


def pair(value: Pair) -> tuple[Size, Size]:
    """``(height, width)`` of a setting given as one size or as two.

    >>> pair(3), pair((1, 7))
    ((3, 3), (1, 7))
    """
    return value if isinstance(value, tuple) else (value, value)

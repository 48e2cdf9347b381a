"""Checks of what comes in: one line that names the offending value and what would be right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

import numpy as np

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Pair, Size, is_symbolic, one_line, pair, refuted

LARGEST_IN_ARRAYS = 2**31  # of a size: products of two fit int64, and those of counts are checked by ``product``


def check_size(name: str, value: Size, least: int = 1) -> None:
    """Raises InvalidInput, with name and value, unless ``value`` is an int, symbol or int64 array, at least ``least``.

    >>> check_size("stride", 0)
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: stride must be at least 1, not 0
    """
    if is_symbolic(value):
        if getattr(value, "is_Float", False):
            raise InvalidInput(f"{name} must be exact, not the Float {value}: give an int or a Rational")
    elif type(value) is not int:
        kind = value.dtype if isinstance(value, (np.ndarray, np.generic)) else type(value).__name__
        if kind != np.int64:
            raise InvalidInput(f"{name} must be an int, a sympy expression or an int64 array, not {value!r} ({kind})")
        if not np.size(value):
            raise InvalidInput(f"{name} must hold at least one size, not an empty array")
        if np.max(value) > LARGEST_IN_ARRAYS:
            most = np.max(value)
            raise InvalidInput(f"{name} in arrays must be at most {LARGEST_IN_ARRAYS}, not {most}: count by ints")
    if refuted(value >= least):
        raise InvalidInput(f"{name} must be at least {least}, not {one_line(value)}")


def check_pair(name: str, value: Pair, least: int = 1) -> None:
    """``check_size`` for a setting that is one size or a (height, width) pair of them."""
    if isinstance(value, tuple) and len(value) != 2:
        raise InvalidInput(f"{name} must be one size or a (height, width) pair, not {value!r}")
    for size in pair(value):
        check_size(name, size, least)


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Raises InvalidInput, with what there is, unless ``value`` is one of the ``known`` texts.

    >>> check_choice("head", "neck", ["pool", "vgg"])
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: unknown head 'neck': one of pool, vgg
    """
    known = tuple(known)
    if not isinstance(value, str) or value not in known:
        raise InvalidInput(f"unknown {name} {value!r}: one of {', '.join(known)}")


def check_text(name: str, value: object) -> None:
    """Raises InvalidInput unless ``value`` is text on one line, without control characters."""
    if not isinstance(value, str) or not value.isprintable():
        raise InvalidInput(f"{name} must be text on one line, without control characters, not {value!r}")


def check_flag(name: str, value: object) -> None:
    """Raises InvalidInput, with name and value, unless ``value`` is True or False.

    >>> check_flag("bias", 1)
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: bias must be True or False, not 1
    """
    if type(value) is not bool:
        raise InvalidInput(f"{name} must be True or False, not {value!r}")


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite real number: an int, a float, a Fraction, but no bool and no text.

    >>> is_number(0.5), is_number("0.5"), is_number(True), is_number(10**400)
    (True, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False

"""Quantities as people write them: ``3.1e9``, ``8GF``, ``30M``, ``0.8ms``, ``8GiB``. The only place that reads them.

Flops are multiply-adds, so ``8GF``, ``8GMACs`` and ``8e9`` are the same. Prefixes are powers of 1000; ``KiB``, ``MiB``,
``GiB``, ``TiB`` are powers of 1024. The case of letters does not matter, but in units of time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from types import MappingProxyType
from typing import Any

from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_limit, shown

MOST = 1e30  # what is more is a slip
_PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_NUMBER = re.compile(
    r"(?P<number>(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:e[+-]?\d{1,3})?)[ _]?(?P<unit>[a-zµμ]*)", re.I | re.A
)


@dataclass(frozen=True, slots=True)
class QuantityKind:
    """A kind of quantity: what it is called, its units in lower case, an example, and whether it is a whole number."""

    name: str
    such: str
    units: Mapping[str, int | Fraction]
    whole: bool = True
    folds: bool = True
    instead: Mapping[str, str] = field(default_factory=dict)


def _prefixed(*units: str) -> dict[str, int]:
    return {prefix + unit: size for unit in units for prefix, size in _PREFIXES.items()}


KINDS: Mapping[str, QuantityKind] = MappingProxyType(
    {
        "flops": QuantityKind(
            "flops (multiply-adds)", "3.1e9 or 8GF", _prefixed("", "f", "flop", "flops", "mac", "macs")
        ),
        "elements": QuantityKind("elements", "25557032, 2.5e7 or 30M", _prefixed("")),
        "seconds": QuantityKind(
            "seconds",
            "0.0008 or 0.8ms",
            {
                **{"": 1, "s": 1, "ms": Fraction(1, 10**3), "ns": Fraction(1, 10**9), "m": 60, "min": 60, "h": 3600},
                **dict.fromkeys(("us", "µs", "μs"), Fraction(1, 10**6)),
            },
            whole=False,
            folds=False,
        ),
        "bytes": QuantityKind(
            "bytes",
            "8589934592, 8GiB or 8GB",
            {
                **{"": 1},
                **_prefixed("b"),
                **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", 1)},
            },
            instead=dict.fromkeys("kmgtp", "is it powers of 1000 or of 1024?"),
        ),
    }
)


def quantity(value: Any, kind: str, what: str) -> int | float:
    """A quantity above 0 of a ``kind`` (``KINDS``), from text as people write it or from a number.

    An int (to the nearest) of flops, elements and bytes; a float of seconds. Raises InvalidInput that says ``what``
    is wrong and what is right.

    >>> quantity("8GF", "flops", "a target"), quantity("0.8ms", "seconds", "a time"), quantity("8GiB", "bytes", "it")
    (8000000000, 0.0008, 8589934592)
    >>> quantity("8GX", "flops", "a target")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: a target must be a number of flops (multiply-adds) above 0 such as
    3.1e9 or 8GF, not '8GX'
    """
    told = KINDS[kind]
    exact, why = _exact(value, told)
    if exact is not None and exact > MOST:
        exact, why = None, f": at most {MOST:g}"
    result: int | float = 0
    if exact is not None:
        result = round(exact) if told.whole else float(exact)
    if not result > 0:
        raise InvalidInput(
            f"{what} must be a number of {told.name} above 0 such as {told.such}, not {shown(value)}{why}"
        )
    return result


def flops_text(flops: float) -> str:
    """Flops as people write them: four digits, and the unit.

    >>> flops_text(3.1e9), flops_text(385_825_092), flops_text(4e12)
    ('3.1GF', '385.8MF', '4TF')
    """
    prefix, size = next(((p, s) for p, s in (("T", 1e12), ("G", 1e9)) if s <= flops < 1e4 * s), ("M", 1e6))
    return f"{flops / size:.4g}{prefix}F"


def sides(value: Any, what: str = "a resolution") -> int | tuple[int, int]:
    """The side of a square input, or its height and width: from ``224``, ``"224"``, ``"384x640"`` or a pair.

    Raises InvalidInput, with what would be right, for others.

    >>> sides("384x640"), sides("224")
    ((384, 640), 224)
    """
    parts: Any = value.strip().lower().replace("×", "x").split("x") if isinstance(value, str) else value
    parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
    numbers: list[Any] = [
        int(p) if isinstance(p, str) and p.isascii() and p.isdigit() and len(p) < 10 else p for p in parts
    ]
    if not 1 <= len(numbers) <= 2 or any(type(number) is not int or number < 1 for number in numbers):
        raise InvalidInput(f"{what} must be a side such as 224, or height x width such as 384x640, not {shown(value)}")
    for number in numbers:
        check_limit("a resolution", number, what)
    height, width = numbers[0], numbers[-1]
    return int(height) if height == width else (int(height), int(width))


def _exact(value: Any, kind: QuantityKind) -> tuple[Fraction | None, str]:
    """The number meant, exactly, or None with a hint of what is wrong with its unit."""
    if not isinstance(value, str):
        if not is_number(value):
            return None, ""
        return Fraction(value if isinstance(value, Rational) else float(value)), ""  # of numpy's floats too
    match = _NUMBER.fullmatch(value.strip())
    if match is None:
        return None, ""
    unit = match["unit"].lower() if kind.folds else match["unit"]
    if unit in kind.instead:
        return None, f": {kind.instead[unit]}"
    if unit not in kind.units:
        return None, ""
    return Fraction(match["number"]) * kind.units[unit], ""

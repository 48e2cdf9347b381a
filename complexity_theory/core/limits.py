"""What comes in from outside is held to these limits, checked where it comes in. The one table of them."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import NamedTuple

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.text import short


class Limit(NamedTuple):
    """The least and the most that a number may be, and whether it must be whole."""

    least: float
    most: float
    whole: bool = True


# By what is told of them in messages.
LIMITS = MappingProxyType(
    {
        "bytes of a file": Limit(0, 64 * 2**20),
        "bytes of a description": Limit(0, 4 * 2**20),
        "bytes of a configuration": Limit(0, 2**18),
        "stages of a network": Limit(1, 1_000),
        "variants of a network": Limit(1, 10**7),
        "steps of a scaling": Limit(1, 100_000),
        "rows of a table": Limit(1, 200_000),
        "columns of a table": Limit(1, 1_000),
        "characters of a cell": Limit(0, 10_000),
        "jobs of a sweep": Limit(1, 20_000),
        "blocks of a network": Limit(1, 10_000),
        "a batch": Limit(1, 10**6),
        "a resolution": Limit(1, 10**6),
        "a width": Limit(1, 10**6),
        "a kernel": Limit(1, 10**4),
        "a group width": Limit(1, 10**6),
        "channels": Limit(1, 10**6),
        "threads": Limit(1, 1024),
        "rounds": Limit(1, 10_000),
        "seconds of a protocol": Limit(1e-6, 1e7, whole=False),
        "seconds per image": Limit(1e-9, 1e6, whole=False),
        "flops": Limit(0, 1e18),
        "params": Limit(0, 1e15),
        "acts": Limit(0, 1e15),
    }
)


def check_limit(what: str, value: object, said: str = "") -> None:
    """Raises InvalidInput, with the limit, for a number outside of it; ``said``: what it is called (``what``).

    >>> check_limit("threads", 10**8, "--threads")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: --threads must be a whole number from 1 to 1,024, not 100000000
    """
    limit = LIMITS[what]
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and (whole or not limit.whole) and limit.least <= value <= limit.most:  # type: ignore[operator]  # a number
        return
    kind = "a whole number" if limit.whole else "a number"
    raise InvalidInput(f"{said or what} must be {kind} from {limit.least:,g} to {limit.most:,g}, not {shown(value)}")


def check_count(what: str, count: int, where: str) -> None:
    """Raises InvalidInput where there is more of something than its limit: bytes, rows, columns, jobs.

    >>> check_count("columns of a table", 2000, "a.csv")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: a.csv has more than 1,000 columns of a table
    """
    if count > LIMITS[what].most:
        raise InvalidInput(f"{where} has more than {LIMITS[what].most:,.0f} {what}")


def shown(value: object) -> str:
    """A value for a message: short, on one line, whatever it is.

    >>> shown("ResNet-50"), shown(16**5000), shown(2.5)
    ("'ResNet-50'", 'a number of 6,021 digits', '2.5')
    """
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"a number of {math.floor(value.bit_length() * math.log10(2)) + 1:,} digits"
    if isinstance(value, float):
        return f"{value:g}"
    try:
        return short(repr(value), 62)
    except Exception:  # a repr that raises is no reason to fail
        return f"a {type(value).__name__}"

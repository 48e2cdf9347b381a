"""Scaling strategies: directions in (log depth, log width, log group width, log resolution), and their names.

A strategy is held as exact *shares* of the flops of a dense convolution. Nothing here loads sympy, except where a share
is a symbol.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import is_symbolic

# A Fraction, or a sympy expression in alpha.
Share: TypeAlias = Any

LETTERS: Mapping[str, str] = MappingProxyType({"d": "depth", "w": "width", "g": "group_width", "r": "resolution"})
NAMED = ("d", "w", "r", "dw", "dr", "wr", "dwr", "dWr")
FAST_WIDTH = Fraction(4, 5)  # dWr is fast(4/5): Dollár et al. 2021, table 4
GRAMMAR = (
    f"a strategy is {', '.join(NAMED)} (case matters: dwr is not dWr), fast:ALPHA (a number in 0..1, or alpha), "
    "or letters of dwgr, each once, as dwg or with weights as d1_w8_g8_r1"
)

_NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+|\d+/\d+")
_LONGEST_NUMBER = 18  # characters: what is longer is a slip, and exact fractions of it would only slow everything down


class Multipliers(NamedTuple):
    """What depth, width, group width and resolution are multiplied by: floats, or sympy expressions."""

    depth: Any
    width: Any
    group_width: Any
    resolution: Any


@dataclass(frozen=True, slots=True)
class Strategy:
    """A direction of scaling, as exact shares of the flops of a dense convolution: Fractions, or sympy in alpha.

    With shares e, a scaling factor s multiplies depth by s^e_d, width by s^(e_w/2), group width by s^(e_g/2) and
    resolution by s^(e_r/2). The shares of depth, width and resolution sum to 1, so that the flops of a dense
    convolution grow as s (Dollár et al. 2021, section 3); a group width scaled alone has share 2, and grows as s.

    >>> parse("dWr").multipliers(1024).depth
    2.0
    """

    name: str
    depth: Share = Fraction(0)
    width: Share = Fraction(0)
    group_width: Share = Fraction(0)
    resolution: Share = Fraction(0)

    def __str__(self) -> str:
        return self.name

    @property
    def shares(self) -> tuple[Share, Share, Share, Share]:
        """The shares of depth, width, group width and resolution."""
        return self.depth, self.width, self.group_width, self.resolution

    @property
    def direction(self) -> tuple[Share, Share, Share, Share]:
        """The exponents of s in the multipliers of depth, width, group width and resolution: e_d, e_w/2, e_g/2, e_r/2.

        >>> [str(exponent) for exponent in parse("dWr").direction]
        ['1/10', '2/5', '2/5', '1/20']
        """
        return self.depth, self.width / 2, self.group_width / 2, self.resolution / 2

    @property
    def is_symbolic(self) -> bool:
        """Whether the shares hold the symbol alpha."""
        return any(is_symbolic(share) for share in self.shares)

    def multipliers(self, factor: float) -> Multipliers:
        """The multipliers for a scaling ``factor``, as floats, in the shares' own normalisation (as in pycls's scaler).

        Raises InvalidInput for a factor that is not positive and finite, or where alpha has no value.

        >>> parse("w").multipliers(4)
        Multipliers(depth=1.0, width=2.0, group_width=1.0, resolution=1.0)
        """
        if self.is_symbolic:
            raise InvalidInput(f"{self.name} has no numbers: give alpha a value, e.g. fast:{FAST_WIDTH}")
        if not (is_number(factor) and factor > 0):
            raise InvalidInput(f"a scaling factor must be positive and finite, not {factor!r}")
        exponents = [float(exponent) for exponent in self.direction]
        if abs(math.log(factor)) * max(exponents) > math.log(1e300):
            raise InvalidInput(f"a scaling factor of {factor} along {self.name} gives multipliers beyond 1e300")
        return Multipliers(*(float(factor) ** exponent for exponent in exponents))


def weighted(name: str, weights: Mapping[str, Share]) -> Strategy:
    """The strategy whose shares are proportional to the ``weights`` of the letters d, w, g, r (absent: 0).

    Weights are divided by the sum of those of d, w and r, or by half of g's where g stands alone.
    Raises InvalidInput where all weights are zero.

    >>> weighted("d and w", {"d": Fraction(1), "w": Fraction(3)}).width
    Fraction(3, 4)
    """
    total = sum(weights.get(letter, Fraction(0)) for letter in "dwr") or weights.get("g", Fraction(0)) / 2
    if total == 0:
        raise InvalidInput("all weights are zero, so nothing would be scaled: one must be above 0")
    return Strategy(name, **{LETTERS[letter]: weight / total for letter, weight in weights.items()})


def fast(alpha: Share, name: str | None = None) -> Strategy:
    """Fast compound scaling: a share ``alpha`` to width, the rest to depth and resolution alike.

    ``alpha`` is in 0..1, a Fraction, an int, a float (read as the decimal it prints as) or a sympy symbol. Group width
    grows as width does; fast(0) = dr, fast(1/3) = dwr, fast(4/5) = dWr, fast(1) = w on
    dense convolutions (Dollár et al. 2021, table 4). Raises InvalidInput outside 0..1.

    >>> fast(0.6).direction[1]
    Fraction(3, 10)
    """
    if not getattr(alpha, "free_symbols", ()):
        if not (is_number(alpha) and 0 <= alpha <= 1):
            raise InvalidInput(f"alpha must be in 0..1, not {_short(str(alpha)) if isinstance(alpha, str) else alpha}")
        alpha = Fraction(str(alpha))
    rest = (1 - alpha) / 2
    return Strategy(name or f"fast:{alpha}", depth=rest, width=alpha, group_width=alpha, resolution=rest)


def by_multipliers(text: str) -> tuple[Strategy, float]:
    """The strategy and the factor that give multipliers: letters of dwgr with numbers, as ``d1.4_w1.2_r300/224``.

    The factor is that of the flops of a dense convolution, d w^2 r^2 (where these are 1, the square of g's). So the
    coefficients of EfficientNet and MobileNet (Tan and Le 2019; Howard et al. 2017) are read. Raises InvalidInput for
    other text, and where the flops of a dense convolution stay as they are though something is scaled.

    >>> strategy, factor = by_multipliers("d1.2_w1.1")
    >>> round(factor, 3), round(strategy.multipliers(factor).width, 9)
    (1.452, 1.1)
    """
    if not isinstance(text, str):
        raise InvalidInput(f"multipliers are text such as 'd1.4_w1.2_r1.34', not {text!r}")
    try:
        given = {letter: float(value) for letter, value in _weights(text).items()} if text[1:2].isdigit() else {}
        if not given or min(given.values()) <= 0:
            raise InvalidInput("letters of dwgr, each once, with numbers above 0 are needed, such as d1.4_w1.2_r1.34")
    except InvalidInput as error:
        raise InvalidInput(f"multipliers {_short(text)}: {error}") from None
    logs = {letter: math.log(value) for letter, value in given.items()}
    growth = sum(logs.get(letter, 0.0) * (1 if letter == "d" else 2) for letter in "dwr")
    growth = growth or 2 * logs.get("g", 0.0)
    if abs(growth) < 1e-9:
        raise InvalidInput(f"multipliers {_short(text)} leave the flops of a dense convolution as they are")
    shares = {LETTERS[letter]: Fraction(value / growth) * (1 if letter == "d" else 2) for letter, value in logs.items()}
    return Strategy(text, **shares), math.exp(growth)


def parse(text: str) -> Strategy:
    """The strategy that a string names; ``GRAMMAR`` says which strings do.

    Numbers are read exactly: "0.6" is 3/5. In plain letters a group width is scaled only where g is among them; in
    fast:ALPHA and dWr it is scaled as the width. Raises InvalidInput that names the part at fault.

    >>> parse("fast:0.8").shares == parse("dWr").shares == parse("d1_w8_g8_r1").shares
    True
    >>> parse("dwrd")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: strategy 'dwrd': 'd' is repeated; each letter stands once
    """
    if not isinstance(text, str):
        raise InvalidInput(f"a strategy is named by text such as 'dWr', not {text!r}")
    try:
        if text == "dWr":
            return fast(FAST_WIDTH, text)
        if text == "fast" or text.startswith("fast:"):
            return fast(_alpha(text[len("fast:") :]), text.replace("α", "alpha"))
        return weighted(text, _weights(text))
    except InvalidInput as error:
        raise InvalidInput(f"strategy {_short(text)}: {error}") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 2 * _LONGEST_NUMBER else text[: 2 * _LONGEST_NUMBER] + "...")


def _alpha(text: str) -> Share:
    if text in ("alpha", "α"):
        from complexity_theory.core.symbols import alpha

        return alpha
    return exact(text, "alpha", such="0.6 or 3/5")


def _weights(text: str) -> dict[str, Fraction]:
    """The weights in a string of letters: all 1 in ``dwg``, as written in ``d1_w8``."""
    if not text:
        raise InvalidInput(f"it is empty: {GRAMMAR}")
    if text.isalpha():
        parts = [(letter, Fraction(1)) for letter in text]
    else:
        parts = [(part[:1], exact(part[1:], f"the weight of {part[:1]!r}")) for part in _letter_parts(text)]
    weights: dict[str, Fraction] = {}
    for letter, weight in parts:
        if letter in weights:
            raise InvalidInput(f"{letter!r} is repeated; each letter stands once")
        if letter not in LETTERS:
            raise InvalidInput(_unknown(letter, text))
        weights[letter] = weight
    return weights


def _letter_parts(text: str) -> list[str]:
    parts = text.split("_")
    for part in parts:
        if not part[:1].isalpha():
            raise InvalidInput(f"{_short(part)} is no letter with a weight such as w8; {GRAMMAR}")
        if part[:1] not in LETTERS:
            raise InvalidInput(_unknown(part[:1], text))
    return parts


def _unknown(letter: str, text: str) -> str:
    if text.lower() == "dwr":
        return "case matters: dwr scales depth, width and resolution alike, dWr mostly width (fast:4/5)"
    if letter.lower() in LETTERS:
        return f"case matters: write {letter.lower()!r} for {letter!r}"
    return f"{letter!r} is unknown: {GRAMMAR}"


def exact(text: str, what: str, such: str = "8, 0.6 or 3/5") -> Fraction:
    """A number >= 0 from text, exactly: ``8``, ``0.6`` or ``3/5``.

    Raises InvalidInput that says ``what`` is wrong and what is right, ``such`` as these.

    >>> exact("0.6", "a weight")
    Fraction(3, 5)
    """
    if not text:
        raise InvalidInput(f"{what} is missing: write a number after it, such as 0.6 or 3/5")
    if text.startswith("-") and _NUMBER.fullmatch(text[1:]):
        raise InvalidInput(f"{what} must be at least 0, not {_short(text)}")
    if len(text) > _LONGEST_NUMBER or not (text.isascii() and _NUMBER.fullmatch(text)) or re.search(r"/0+$", text):
        raise InvalidInput(
            f"{what} must be a number such as {such} (at most {_LONGEST_NUMBER} characters), not {_short(text)}"
        )
    return Fraction(text)

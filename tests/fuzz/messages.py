"""What a refusal must say: one line, the value or where it stood, what would be right, in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from complexity_theory.core.text import printable

LONGEST = 1100  # characters
LEAST_WORDS = 4
PYTHONS = re.compile(
    r"NoneType|codec can't|Traceback|object at 0x|\b[A-Z]\w+(Error|Exception)\b|has no attribute|unexpected keyword"
    r"|unsupported operand|not subscriptable|<class '|positional argument|max_str_digits|invalid literal|Errno"
    r"|could not convert|out of range\b.*index|__\w+__"
)
CURE = re.compile(
    r"\b(not|no|none|must|needs?|gives?|one of|once|at (most|least)|see|takes?|cannot|without|only|did you mean|add|use"
    r"|choose|more than|lists?|goes with|is (of|for|that of)|such as|[Pp]ossible|expected|instead|valid|where|required"
    r"|missing|is a|are a|either|both|ends? in|below|above|for it|put|write|or equal to|excludes?)\b"
)
OF_CODE = re.compile(r"(?<=cannot be )(called|imported|loaded|run): |does not run on an input of [0-9x, ]+: ")


def faults(errors: str, spoilt: Sequence[str]) -> list[str]:
    """What is wrong with what a refused command wrote to standard error; it must name one of the texts ``spoilt``."""
    lines = errors.splitlines()
    refusals = [line for line in lines if line.startswith("error: ")]
    if len(refusals) != 1 or lines[-1] != refusals[0]:
        return ["a refusal that does not end in its one line"]
    line = refusals[0].removeprefix("error: ")
    found = []
    if PYTHONS.search(_own(line)):
        found.append("Python's own words")
    if len(line) > LONGEST:
        found.append("the input given back")
    if not line.isprintable():
        found.append("control characters")
    if len(line.split()) < LEAST_WORDS or not CURE.search(line):
        found.append("nothing said of what would be right")
    if not any(named(line, text) for text in spoilt):
        found.append("neither the value nor its option or file named")
    return found


def named(line: str, text: str) -> bool:
    """Whether a text, or its beginning where it is long, stands in a line, as it is or escaped."""
    begins = text.strip()[:20]
    forms = {begins, printable(begins), repr(begins)[1:-1], text[:20], repr(text[:20]), ascii(text[:20])[1:-1]}
    return any(form in line for form in forms)


def _own(line: str) -> str:
    """What the command says itself: without what it quotes of the user's, or tells of the end of the user's code."""
    line = OF_CODE.split(line)[0]
    return re.sub(r"'(?:[^'\\]|\\.)*'|\"[^\"]*\"", "", line)

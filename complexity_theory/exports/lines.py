"""Lines of a straight-line program, (variable, expression) each, written with few names and calls within calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

JOINED = 90  # characters of calls within calls
_NAMES = ("x", "y", "z", "u", "v", "w", *(f"v{i}" for i in range(1, 1000)))
_VARIABLE = re.compile(r"(?<![.\w])(v\d+|x\d*)(?![\w(])")


def named(lines: Sequence[tuple[str, str]], inputs: Sequence[str], out: Sequence[str]) -> list[str]:
    """The lines with few names: a value whose last use it is gives its name to what is made of it."""
    lines = _joined(list(lines), out)
    last = {name: len(lines) for name in out}
    for i, (_, expression) in reversed(list(enumerate(lines))):
        for name in _VARIABLE.findall(expression):
            last.setdefault(name, i)
    names = {name: name for name in inputs}
    written = []
    for i, (made, expression) in enumerate(lines):
        text = _VARIABLE.sub(lambda match: names.get(match[0], match[0]), expression)
        for name in [name for name in names if last.get(name, -1) <= i]:
            del names[name]
        names[made] = next(name for name in _NAMES if name not in names.values())
        written.append(f"{names[made]} = {text}")
    result = ", ".join(names[name] for name in out)
    if written and len(out) == 1 and lines[-1][0] == out[0]:
        return [*written[:-1], f"return {written[-1].partition(' = ')[2]}"]
    return [*written, f"return {result}"]


def _joined(lines: list[tuple[str, str]], out: Sequence[str]) -> list[tuple[str, str]]:
    """The lines with calls that one other line alone takes put into it, as far as they fit on a line."""
    uses = Counter(name for _, expression in lines for name in _VARIABLE.findall(expression)) + Counter(out)
    joined: list[tuple[str, str]] = []
    for made, expression in lines:
        while joined:
            name, inner = joined[-1]
            fits = len(inner) + len(expression) < JOINED and inner.startswith("self.") and inner.endswith(")")
            alone = uses[name] == 1 and name in _VARIABLE.findall(expression)
            if not (fits and alone) or "\n" in inner + expression:
                break
            expression = re.sub(rf"(?<![.\w]){name}(?![\w(])", inner.replace("\\", r"\\"), expression)
            joined.pop()
        joined.append((made, expression))
    return joined

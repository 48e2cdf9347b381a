"""Tables in a terminal of some width. A number is never cut: what does not fit is folded, step by step.

First headings break at spaces, then columns that say the same in every row stand once above and optional ones are left
out, then large counts are shortened (``385.8 M``), then text breaks at spaces, and at last each row is a block.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len
from rich.text import Text

GAP = "  "
LEAST_TEXT = 12  # columns that a broken text keeps
MOST_BESIDE = 4  # rows that are told beside each other
MOST_LINES = 6  # of a broken cell: longer ones are better told as blocks
SHORTENED = 1_000_000  # from here on counts are shortened
_PREFIXES = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"))
HEAD, RULE, TITLE, NOTE = "bold cyan", "dim", "bold", "dim"

Cells = Mapping[str, Any]


def short(value: int) -> str:
    """A count in four digits with its prefix.

    >>> short(385825092), short(999999999), short(5288)
    ('385.8 M', '1 G', '5,288')
    """
    if abs(value) < SHORTENED:
        return f"{value:,}"
    size, prefix = next((s, p) for s, p in _PREFIXES if abs(value) >= s)
    digits = f"{value / size:.4g}"
    if float(digits) >= 1000 and size < _PREFIXES[0][0]:
        size, prefix = next((s, p) for s, p in reversed(_PREFIXES) if s > size)
        digits = f"{value / size:.4g}"
    return f"{digits} {prefix}" if "e" not in digits else f"{value:.3e}"


@dataclass(frozen=True)
class Grid:
    """A table as text: names of columns, cells in rows, which columns are numbers; what stands above and below."""

    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    widths: tuple[int, ...] = field(default=())  # where cells are broken

    def least(self) -> list[int]:
        """The widths that hold every cell, and every word of the headings."""
        return [
            max([_longest_word(name), *(cell_len(row[i]) for row in self.cells)]) for i, name in enumerate(self.columns)
        ]

    def full(self) -> list[int]:
        """The widths that hold every cell and every heading on one line."""
        return [max(a, cell_len(name)) for a, name in zip(self.least(), self.columns, strict=True)]


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split()), default=0)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def grid(rows: Sequence[Cells], columns: Sequence[str], cell: Callable[[Any], str]) -> Grid:
    """The grid of rows, each value told by ``cell``."""
    cells = tuple(tuple(cell(row.get(name)) for name in columns) for row in rows)
    right = tuple(any(isinstance(row.get(name), (int, float)) for row in rows) for name in columns)
    return Grid(tuple(columns), cells, right)


def folded(
    rows: Sequence[Cells],
    columns: Sequence[str],
    cell: Callable[[Any], str],
    *,
    width: int,
    title: str = "",
    optional: Sequence[str] = (),
    wide: bool = False,
) -> Text:
    """A table for a terminal of ``width`` columns. ``wide``: nothing shortened or left out, blocks where need be."""
    lines = [Text(line, TITLE) for line in textwrap.wrap(title, width, break_long_words=False)]
    for tried in _attempts(rows, columns, cell, width, () if wide else optional, wide):
        if _total(tried.widths or tried.full()) <= width:
            return _joined(lines, _drawn(tried, tried.widths or tried.full(), width))
    return _joined(lines, _blocks(rows, columns, cell, width))


def _attempts(
    rows: Sequence[Cells],
    columns: Sequence[str],
    cell: Callable[[Any], str],
    width: int,
    optional: Sequence[str],
    wide: bool,
) -> Iterator[Grid]:
    """Ways to draw a table, from the fullest to the most folded."""
    full = grid(rows, columns, cell)
    yield full
    yield _broken_heads(full, width)
    said, kept = _constant(rows, columns, cell)
    for left_out in range(len(optional) + 1):
        dropped = [name for name in optional[:left_out] if name in kept]
        shown = [name for name in kept if name not in dropped]
        if not shown:
            break
        below = (f"left out: {', '.join(dropped)} (--wide, --format json)",) if dropped else ()
        fewer = _with(grid(rows, shown, cell), said, below)
        yield _broken_heads(fewer, width)
    if wide:
        yield _broken_text(fewer, width)
        yield from _beside(rows, columns, cell)
        return
    shortened = grid(rows, shown, lambda value: short(value) if _is_count(value) else cell(value))
    if shortened.cells != grid(rows, shown, cell).cells:
        below = (*below, "short numbers (exact: --wide, --format json)")
    fewer = _with(shortened, said, below)
    yield _broken_heads(fewer, width)
    yield from _beside(rows, columns, cell)
    yield _broken_text(fewer, width)


def _beside(rows: Sequence[Cells], columns: Sequence[str], cell: Callable[[Any], str]) -> Iterator[Grid]:
    """A few rows as columns, beside each other, with the names of their cells before them."""
    if 1 < len(rows) <= MOST_BESIDE:
        heads = [columns[0], *(cell(row.get(columns[0])) for row in rows)]
        cells = tuple((name, *(cell(row.get(name)) for row in rows)) for name in columns[1:])
        yield Grid(tuple(heads), cells, (False, *(True for _ in rows)))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _with(found: Grid, above: tuple[str, ...], below: tuple[str, ...]) -> Grid:
    return Grid(found.columns, found.cells, found.right, above, below)


def _constant(
    rows: Sequence[Cells], columns: Sequence[str], cell: Callable[[Any], str]
) -> tuple[tuple[str, ...], list[str]]:
    """What is the same in all of several rows, as lines to stand above; and the columns that are left."""
    if len(rows) < 2:
        return (), list(columns)
    same = [name for name in columns[1:] if len({cell(row.get(name)) for row in rows}) == 1]
    told = [f"{name}: {cell(rows[0].get(name))}" for name in same if rows[0].get(name) not in (None, "")]
    return tuple(told), [name for name in columns if name not in same]


def _broken_heads(found: Grid, width: int) -> Grid:
    """The grid with headings broken at spaces, no more than need be."""
    widths, least = found.full(), found.least()
    while _total(widths) > width and widths != least:
        widest = max(range(len(widths)), key=lambda i: widths[i] - least[i])
        widths[widest] -= 1
    return Grid(found.columns, found.cells, found.right, found.above, found.below, tuple(widths))


def _broken_text(found: Grid, width: int) -> Grid:
    """The grid with cells of words broken at spaces too: the widest first, and no number ever."""
    widths = found.least()
    least = [
        own
        if right
        else max([_longest_word(name), min(own, LEAST_TEXT), *(_longest_word(row[i]) for row in found.cells)])
        for i, (name, right, own) in enumerate(zip(found.columns, found.right, widths, strict=True))
    ]
    while _total(widths) > width and widths != least:
        widest = max(range(len(widths)), key=lambda i: (widths[i] > least[i]) * widths[i])
        widths[widest] -= 1
    tallest = max(
        (len(_lines(row[i], widths[i])) for row in found.cells for i in range(len(widths))),
        default=0,
    )
    broken = Grid(found.columns, found.cells, found.right, found.above, found.below, tuple(widths))
    return broken if tallest <= MOST_LINES else Grid(found.columns, found.cells, found.right)


def _lines(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def _drawn(found: Grid, widths: Sequence[int], width: int) -> list[Text]:
    lines = [Text(line) for line in _wrapped("   ".join(found.above), width)]
    lines += [Text(line, HEAD) for line in _row(found.columns, widths, found.right, bottom=True)]
    lines.append(Text(GAP.join("─" * width for width in widths), RULE))
    lines += [Text(line) for row in found.cells for line in _row(row, widths, found.right)]
    return lines + [Text(line, NOTE) for line in _wrapped("; ".join(found.below), width)]


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], *, bottom: bool = False) -> list[str]:
    columns = [_lines(text, width) for text, width in zip(cells, widths, strict=True)]
    height = max(map(len, columns))
    columns = [[""] * (height - len(c)) + c if bottom else c + [""] * (height - len(c)) for c in columns]
    return [
        GAP.join(_padded(text, w, r) for text, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in zip(*columns, strict=True)
    ]


def _padded(text: str, width: int, right: bool) -> str:
    room = " " * (width - cell_len(text))
    return room + text if right else text + room


def _blocks(rows: Sequence[Cells], columns: Sequence[str], cell: Callable[[Any], str], width: int) -> list[Text]:
    """One row a block: a line for each of its cells, with its name."""
    named = max((cell_len(name) for name in columns), default=0)
    lines: list[Text] = []
    for row in rows:
        lines += [Text("")] if lines else []
        for name in columns:
            if (value := row.get(name)) is None:
                continue
            room = width - named - len(GAP)
            beside = _lines(cell(value), room) if room >= LEAST_TEXT else _lines(cell(value), width - len(GAP))
            indent = " " * (named + len(GAP)) if room >= LEAST_TEXT else GAP
            if room >= LEAST_TEXT:
                head = Text(_padded(name, named, right=False) + GAP, HEAD)
                lines.append(head.append(Text(beside[0], "default not bold")))
                lines += [Text(indent + line) for line in beside[1:]]
            else:
                lines += [Text(name, HEAD), *(Text(indent + line) for line in beside)]
    return lines


def prose(text: str, width: int) -> str:
    """Text with lines longer than a terminal broken at spaces, further lines indented as the first and a little more.

    >>> print(prose("   flops = 10*d + 20*w", 16))
       flops = 10*d
         + 20*w
    """
    return "\n".join(
        broken for line in text.split("\n") for broken in (_wrapped(line, width) if cell_len(line) > width else [line])
    )


def _wrapped(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}{GAP}" if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _joined(*parts: Sequence[Text]) -> Text:
    return Text("\n").join(line for lines in parts for line in lines)

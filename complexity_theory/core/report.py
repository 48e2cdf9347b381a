"""Tables in the formats of the front door: text, JSON, CSV, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from complexity_theory.core import text
from complexity_theory.core.sizes import is_symbolic

# Whether a terminal shows all columns and exact numbers, in blocks where they do not fit beside each other.
WIDE: ContextVar[bool] = ContextVar("wide", default=False)
_WORD = re.compile(r"[a-z0-9]+")
FORMATS = ("text", "json", "csv", "markdown", "latex")


@dataclass(frozen=True)
class Table:
    """Rows of named cells. A cell is a str, int, float, bool, None (not applicable) or a sympy expression.

    ``optional``: columns that a narrow terminal may leave out, the first of them first.
    """

    rows: Sequence[Mapping[str, Any]]
    title: str = ""
    optional: Sequence[str] = ()

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order in which rows bring them."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """How notebooks show the table: as Markdown, or as text where there is none."""
        return {"text/plain": render(self), "text/markdown": render(self, "markdown")}


def plain(value: Any) -> Any:
    """A value as JSON holds it: numbers, text, lists and objects; sympy expressions and fractions as exact text.

    JSON has no NaN and no infinity: they become None.

    >>> plain({"a": (1, float("nan"), "x")})
    {'a': [1, None, 'x']}
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def cell(value: Any) -> str:
    """A cell as a person reads it, on one line: grouped digits, four significant digits of a float, a dash for None.

    >>> cell(385825092), cell(0.123456), cell(None)
    ('385,825,092', '0.1235', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return text.printable(str(value))


def _latex_cell(value: Any) -> str:
    if is_symbolic(value):
        import sympy

        return f"${sympy.latex(value, root_notation=False, fold_frac_powers=True)}$"
    return text.for_latex(cell(value))


def _markdown(table: Table) -> str:
    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def markdown_cell(value: Any) -> str:
        return _latex_cell(value) if is_symbolic(value) else text.for_markdown(cell(value))

    columns = table.columns
    lines = [f"**{text.for_markdown(table.title)}**", ""] if table.title else []
    lines += [line(map(text.for_markdown, columns)), line("---" for _ in columns)]
    lines += [line(markdown_cell(row.get(name)) for name in columns) for row in table.rows]
    return "\n".join(lines)


def _latex(table: Table) -> str:
    """A tabular, numbers to the right; of a table with a title a float, with its caption and a label."""
    columns = table.columns
    right = [any(isinstance(row.get(name), (int, float)) for row in table.rows) for name in columns]
    body = "\n".join(" & ".join(_latex_cell(row.get(name)) for name in columns) + r" \\" for row in table.rows)
    head = " & ".join(_latex_cell(name) for name in columns) + r" \\"
    aligned = "".join("r" if number else "l" for number in right)
    tabular = f"\\begin{{tabular}}{{{aligned}}}\n\\toprule\n{head}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}"
    if not table.title:
        return tabular
    label = "-".join(_WORD.findall(table.title.lower())[:6])
    caption = f"\\caption{{{text.for_latex(cell(table.title))}}}\n\\label{{tab:{label}}}"
    return f"\\begin{{table}}\n\\centering\n{caption}\n{tabular}\n\\end{{table}}"


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_cell, table.columns))
    for row in table.rows:
        values = (row.get(name) for name in table.columns)
        writer.writerow("" if value is None else csv_cell(value) for value in values)
    return text.visible(out.getvalue().rstrip("\n"))


def csv_cell(value: Any) -> Any:
    """A cell of a CSV: text on one line that no spreadsheet takes for a formula, other values as JSON has them.

    >>> csv_cell("=1+1"), csv_cell(1.5)
    ("'=1+1", 1.5)
    """
    return text.for_csv(text.printable(value)) if isinstance(value, str) else plain(value)


def _text(table: Table) -> str:
    """The table for a pipe: all of it, whatever its width."""
    from rich.cells import cell_len

    columns = table.columns
    cells = [[cell(row.get(name)) for name in columns] for row in table.rows]
    right = [any(isinstance(row.get(name), (int, float)) for row in table.rows) for name in columns]
    heads = [text.printable(name) for name in columns]
    widths = [max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)]
    lines = [cell(table.title)] if table.title else []
    for line in (heads, *cells):
        rooms = [" " * (width - cell_len(c)) for c, width in zip(line, widths, strict=True)]
        told = (room + c if r else c + room for c, room, r in zip(line, rooms, right, strict=True))
        lines.append("  ".join(told).rstrip())
    return "\n".join(lines)


def _terminal(part: Table | str, width: int, wide: bool) -> str:
    """A table, or text, for a terminal: folded so that no number is cut (``core.folding``)."""
    from rich.console import Console

    from complexity_theory.core.folding import folded, prose

    if isinstance(part, str):
        return prose(part, width)
    heads = {name: text.printable(name) for name in part.columns}
    rows = [{heads[name]: value for name, value in row.items()} for row in part.rows]
    optional = [heads[name] for name in part.optional if name in heads]
    drawn = folded(
        rows,
        list(heads.values()),
        cell,
        width=width,
        title=cell(part.title) if part.title else "",
        optional=optional,
        wide=wide,
    )
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, force_jupyter=False, width=10_000, legacy_windows=False)
    console.print(drawn, soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _json(data: Any) -> str:
    return text.visible(json.dumps(plain(data), indent=2, ensure_ascii=False))


def html(part: Table | str) -> str:
    """A table, or text (its formulas between dollars), as HTML for a notebook."""
    if isinstance(part, str):
        return f'<div style="white-space: pre-wrap">{text.for_html_lines(part)}</div>'
    numeric = {name: any(isinstance(row.get(name), (int, float)) for row in part.rows) for name in part.columns}

    def line(tag: str, cells: Iterable[tuple[str, str]]) -> str:
        aligned = (f'<{tag} style="text-align: {"right" if numeric[n] else "left"}">{c}</{tag}>' for n, c in cells)
        return f"<tr>{''.join(aligned)}</tr>"

    def html_cell(value: Any) -> str:
        return text.for_html(_latex_cell(value) if is_symbolic(value) else cell(value))

    title = f"<caption>{text.for_html(cell(part.title))}</caption>" if part.title else ""
    head = line("th", ((name, text.for_html(name)) for name in part.columns))
    body = "".join(line("td", ((name, html_cell(row.get(name))) for name in part.columns)) for row in part.rows)
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"


def render(table: Table, form: str = "text") -> str:
    """A table as text in one of ``FORMATS``.

    >>> print(render(Table([{"strategy": "w", "flops": 1200}]), "csv"))
    strategy,flops
    w,1200
    """
    if form == "json":
        return _json(list(table.rows))
    return {"text": _text, "csv": _csv, "markdown": _markdown, "latex": _latex}[form](table)


def emit(form: str, parts: Sequence[Table | str], data: Any = None) -> None:
    """Prints to standard output: with ``json`` the data alone (default: the rows of all tables), else each part.

    In a terminal tables are folded to its width (``core.folding``), unless ``WIDE``; in a pipe they are as wide as they
    are. Text is printed as it is.
    """
    if form == "json":
        rows = data if data is not None else [row for part in parts if isinstance(part, Table) for row in part.rows]
        print(_json(rows))
        return
    if form == "text" and sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        written = [_terminal(part, width, WIDE.get()) for part in parts]
    else:
        written = [part if isinstance(part, str) else render(part, form) for part in parts]
    print("\n\n".join(part.removesuffix("\n") for part in written))

"""Tables in the formats of the front door: text, JSON, CSV, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from complexity_theory.core import text
from complexity_theory.core.sizes import is_symbolic

FORMATS = ("text", "json", "csv", "markdown", "latex")


@dataclass(frozen=True)
class Table:
    """Rows of named cells. A cell is a str, int, float, bool, None (not applicable) or a sympy expression."""

    rows: Sequence[Mapping[str, Any]]
    title: str = ""

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
    columns = table.columns
    body = "\n".join(" & ".join(_latex_cell(row.get(name)) for name in columns) + r" \\" for row in table.rows)
    head = " & ".join(_latex_cell(name) for name in columns) + r" \\"
    title = f"% {cell(table.title)}\n" if table.title else ""
    return (
        f"{title}\\begin{{tabular}}{{{'l' * len(columns)}}}\n\\toprule\n{head}\n\\midrule\n{body}\n"
        "\\bottomrule\n\\end{tabular}"
    )


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


def _text(table: Table, terminal: bool) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(
        title=Text(cell(table.title), style="bold") if table.title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD if terminal else None,
        pad_edge=False,
        header_style="bold cyan",
    )
    numeric = (int, float)
    for name in table.columns:
        cells = [row.get(name) for row in table.rows]
        right = any(isinstance(c, numeric) for c in cells)
        grid.add_column(Text(text.printable(name)), justify="right" if right else "left", no_wrap=True)
    for row in table.rows:
        grid.add_row(*(Text(cell(row.get(name))) for name in table.columns))
    out = io.StringIO()
    width = None if terminal else 10_000
    console = Console(file=out, force_terminal=terminal, force_jupyter=False, width=width, legacy_windows=False)
    console.print(grid)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip("\n")


def _json(data: Any) -> str:
    return text.visible(json.dumps(plain(data), indent=2, ensure_ascii=False))


def render(table: Table, form: str = "text", *, terminal: bool = False) -> str:
    """A table as text in one of ``FORMATS``; ``terminal`` adds colours and rules to the text.

    >>> print(render(Table([{"strategy": "w", "flops": 1200}]), "csv"))
    strategy,flops
    w,1200
    """
    if form == "json":
        return _json(list(table.rows))
    if form == "text":
        return _text(table, terminal)
    return {"csv": _csv, "markdown": _markdown, "latex": _latex}[form](table)


def emit(form: str, tables: Sequence[Table], data: Any = None) -> None:
    """Prints to standard output: with ``json`` the data alone (default: the rows of all tables), else each table."""
    if form == "json":
        rows = data if data is not None else [row for table in tables for row in table.rows]
        print(_json(rows))
        return
    terminal = form == "text" and sys.stdout.isatty()
    print("\n\n".join(render(table, form, terminal=terminal) for table in tables))

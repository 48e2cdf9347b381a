"""Everything at once: tables, verification, figures, and a page that shows them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from complexity_theory import report
from complexity_theory.figures import registry
from complexity_theory.figures.catalogue import FIGURES
from complexity_theory.figures.data import from_csv, write
from complexity_theory.figures.registry import Sources, Spec
from complexity_theory.scaling import tables

TABLE_FORMS = {"md": "markdown", "tex": "latex"}


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of work: its title, and what does it and returns one line that says what was done."""

    title: str
    run: Callable[[], str]


def figure_steps(specs: Sequence[Spec], folder: Path, sources: Sources) -> list[Step]:
    """A step for each figure: its SVG, PNG and CSV, then the page with what the folder holds."""
    steps = [Step(spec.name, partial(_draw, spec, folder, sources)) for spec in specs]
    return [*steps, Step("README.md", partial(_page, folder))]


def paper_steps(folder: Path, sources: Sources) -> list[Step]:
    """Tables in Markdown and LaTeX, all figures, the page."""
    return [
        *(Step(name, partial(_table, name, folder)) for name in tables.TABLES),
        *figure_steps(list(FIGURES.values()), folder, sources),
    ]


def _draw(spec: Spec, folder: Path, sources: Sources) -> str:
    drawn = registry.make(spec, folder, sources)
    if drawn is None:
        return f"{spec.name}: left out, for {spec.origin} are not at hand and no data were kept"
    if not drawn.anew:
        return f"{spec.name}: drawn, with its data left as they were ({spec.origin} are not at hand)"
    return f"{spec.name}: drawn"


def _table(name: str, folder: Path) -> str:
    table = tables.as_report(tables.table(name))
    for suffix, form in TABLE_FORMS.items():
        write(folder / "tables" / f"{name}.{suffix}", report.render(table, form) + "\n")
    return f"table {name}: derived"


def _page(folder: Path) -> str:
    """Writes README.md: every figure that the folder holds, each with its caption and data."""
    parts = ["# Figures and tables", "Made by `complexity-theory paper`; each figure with its data as CSV."]
    shown = [spec for spec in FIGURES.values() if (folder / f"{spec.name}.svg").exists()]
    for spec in shown:
        caption = registry.caption(spec, from_csv(registry.data_path(folder, spec.name).read_text(encoding="utf-8")))
        files = f"[SVG]({spec.name}.svg) · [PNG]({spec.name}.png) · [data](data/{spec.name}.csv)"
        parts += [f"## {spec.name}", f"![{spec.name}]({spec.name}.svg)", caption, files]
    write(folder / "README.md", "\n\n".join(parts) + "\n")
    return f"README.md: {len(shown)} figures"

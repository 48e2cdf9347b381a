"""Everything at once: tables, their verification, figures, and a page that shows them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from complexity_theory.core import report
from complexity_theory.core.files import write
from complexity_theory.figures import registry
from complexity_theory.figures.catalogue import FIGURES
from complexity_theory.figures.data import from_csv
from complexity_theory.figures.registry import Sources, Spec
from complexity_theory.scaling import tables
from complexity_theory.verbs.theory import growth_table

TABLE_FORMS = {"md": "markdown", "tex": "latex"}
VERIFICATION = "verification.md"
EXPLORER = "explorer.html"


class Outcome(NamedTuple):
    """What a step did, in one line; ``passed`` is False where a check failed."""

    said: str
    passed: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of work, with its title."""

    title: str
    run: Callable[[], Outcome]


def figure_steps(specs: Iterable[Spec], folder: Path, sources: Sources) -> list[Step]:
    """A step for each figure: its SVG, PNG and CSV; then one for the page of what the folder holds."""
    steps = [Step(spec.name, partial(_figure, spec, folder, sources)) for spec in specs]
    return [*steps, Step("the page", partial(_page, folder))]


def paper_steps(folder: Path, sources: Sources, more: Iterable[Step] = ()) -> list[Step]:
    """Tables in Markdown and LaTeX, their verification, what there is ``more``, all figures, the page."""
    return [
        *(Step(name, partial(_table, name, folder)) for name in tables.TABLES),
        Step("verification", partial(_verification, folder)),
        *more,
        *figure_steps(FIGURES.values(), folder, sources),
    ]


def _figure(spec: Spec, folder: Path, sources: Sources) -> Outcome:
    drawn = registry.make(spec, folder, sources)
    if drawn is None:
        return Outcome(f"{spec.name}: left out, for {spec.origin} is not at hand and no data were kept")
    left = "" if drawn.anew else f", its data left as they were ({spec.origin} is not at hand)"
    return Outcome(f"{spec.name}: drawn{left}")


def _table(name: str, folder: Path) -> Outcome:
    table = growth_table(tables.table(name))
    for suffix, form in TABLE_FORMS.items():
        write(folder / "tables" / f"{name}.{suffix}", report.render(table, form) + "\n")
    return Outcome(f"table {name}: derived")


def _verification(folder: Path) -> Outcome:
    if find_spec("torch") is None:
        return Outcome("verification: left out, for it needs PyTorch: pip install 'complexity-theory[measure]'")
    from complexity_theory.measurement import verify

    found = list(verify.verify_tables())
    counts = verify.as_data(found)
    write(folder / VERIFICATION, "# Verification\n\n" + report.render(verify.as_report(found), "markdown") + "\n")
    said = f"verification: {counts['passed']} rows passed, {counts['failed']} failed"
    return Outcome(said, passed=not counts["failed"])


def _page(folder: Path) -> Outcome:
    """Writes README.md: the tables and every figure that the folder holds, each with its caption and data."""
    parts = [
        "# Figures and tables",
        "Made by `complexity-theory paper`. Every figure is drawn from the data beside it.",
    ]
    derived = [name for name in tables.TABLES if (folder / "tables" / f"{name}.md").exists()]
    if derived:
        links = (f"{name} ([Markdown](tables/{name}.md), [LaTeX](tables/{name}.tex))" for name in derived)
        parts.append(f"The closed-form tables: {', '.join(links)}.")
    if (folder / VERIFICATION).exists():
        parts.append(f"[Their verification]({VERIFICATION}) in symbols and against real PyTorch layers.")
    if (folder / EXPLORER).exists():
        parts.append(f"[A page to play with]({EXPLORER}): download it and open it in a browser.")
    shown = [spec for spec in FIGURES.values() if (folder / f"{spec.name}.svg").exists()]
    for spec in shown:
        frame = from_csv(registry.data_path(folder, spec.name).read_text(encoding="utf-8"))
        files = f"[SVG]({spec.name}.svg) · [PNG]({spec.name}.png) · [data](data/{spec.name}.csv)"
        image = f"![{spec.name}]({spec.name}.svg)"
        parts += [f"## {spec.name}", image, registry.caption(spec, frame), files]
    write(folder / "README.md", "\n\n".join(parts) + "\n")
    return Outcome(f"README.md: {len(shown)} figures")

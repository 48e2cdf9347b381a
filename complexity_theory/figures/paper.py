"""Everything at once: tables, their verification, figures, and a page that shows them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from complexity_theory.core import report
from complexity_theory.core.files import MADE, check_ours, read_text, write
from complexity_theory.core.text import for_markdown
from complexity_theory.figures import registry
from complexity_theory.figures.catalogue import FIGURES
from complexity_theory.figures.data import from_csv
from complexity_theory.figures.registry import USUAL_FORMS, Sources, Spec
from complexity_theory.scaling import tables
from complexity_theory.verbs.blocks import block_table
from complexity_theory.verbs.theory import growth_table
from complexity_theory.verbs.verifying import verify

TABLE_FORMS = {"md": "markdown", "tex": "latex"}
VERIFICATION = "verification.md"
PAGE = "README.md"
MARKS = {"markdown": f"<!-- {MADE} -->\n\n", "latex": f"% {MADE}\n"}  # where they are comments
EXPLORER = "explorer.html"


# The tables that are written: the paper's, and that of blocks.
WRITTEN: Mapping[str, Callable[[], report.Table]] = MappingProxyType(
    {**{name: partial(growth_table, found) for name, found in tables.TABLES.items()}, "blocks": block_table}
)


class StepOutcome(NamedTuple):
    """What a step did, in one line; ``passed`` is False where a check failed."""

    said: str
    passed: bool = True


@dataclass(frozen=True, slots=True)
class PaperStep:
    """A piece of work, with its title."""

    title: str
    run: Callable[[], StepOutcome]


def figure_steps(specs: Iterable[Spec], folder: Path, sources: Sources) -> list[PaperStep]:
    """A step for each figure: its SVG, PNG and CSV; then one for the page of what the folder holds.

    Raises InvalidInput, before anything is done, where a file to be written is there and is somebody else's.
    """
    check_ours(folder / PAGE)
    return [
        *drawing_steps([(spec, {}) for spec in specs], folder, sources),
        PaperStep("the page", partial(_page, folder)),
    ]


def drawing_steps(
    wanted: Iterable[tuple[Spec, Mapping[str, Any]]],
    folder: Path,
    sources: Sources,
    forms: Sequence[str] = USUAL_FORMS,
) -> list[PaperStep]:
    """A step for each figure, with the networks and strategies given for it: a picture in each form, and its CSV.

    Raises InvalidInput as ``figure_steps``.
    """
    wanted = list(wanted)
    for path in (path for spec, _ in wanted for path in registry.targets(spec, folder, forms)):
        check_ours(path)
    return [PaperStep(spec.name, partial(_figure, spec, folder, sources, forms, given)) for spec, given in wanted]


def paper_steps(folder: Path, sources: Sources, more: Iterable[PaperStep] = ()) -> list[PaperStep]:
    """Tables in Markdown and LaTeX, their verification, what there is ``more``, all figures, the page.

    Raises InvalidInput as ``figure_steps``.
    """
    files = [path for name in WRITTEN for path in _table_files(name, folder).values()]
    for path in (folder / VERIFICATION, folder / EXPLORER, *files):
        check_ours(path)
    return [
        *(PaperStep(name, partial(_table, name, folder)) for name in WRITTEN),
        PaperStep("verification", partial(_verification, folder)),
        *more,
        *figure_steps(FIGURES.values(), folder, sources),
    ]


def _figure(spec: Spec, folder: Path, sources: Sources, forms: Sequence[str], given: Mapping[str, Any]) -> StepOutcome:
    drawn = registry.make(spec, folder, sources, forms, given)
    if drawn is None:
        return StepOutcome(f"{spec.name}: left out, for {spec.origin} is not at hand and no data were kept")
    left = "" if drawn.anew else f", its data left as they were ({spec.origin} is not at hand)"
    return StepOutcome(f"{spec.name}: drawn{left}")


def _table(name: str, folder: Path) -> StepOutcome:
    table = WRITTEN[name]()
    for form, path in _table_files(name, folder).items():
        write(path, MARKS[form] + report.render(table, form) + "\n", mark=MADE)
    return StepOutcome(f"table {name}: derived")


def _table_files(name: str, folder: Path) -> dict[str, Path]:
    return {form: folder / "tables" / f"{name}.{suffix}" for suffix, form in TABLE_FORMS.items()}


def _verification(folder: Path) -> StepOutcome:
    if find_spec("torch") is None:
        return StepOutcome("verification: left out, for it needs PyTorch: pip install 'complexity-theory[measure]'")
    found = verify()
    shown = report.render(found.table(), "markdown")
    write(folder / VERIFICATION, f"{MARKS['markdown']}# Verification\n\n{shown}\n", mark=MADE)
    said = f"verification: {found.passed} rows passed, {found.failed} failed"
    return StepOutcome(said, passed=not found.failed)


def _page(folder: Path) -> StepOutcome:
    """Writes README.md: the tables and every figure that the folder holds, each with its caption and data."""
    parts = [
        "# Figures and tables",
        "Made by `complexity-theory paper`. Every figure is drawn from the data beside it.",
    ]
    derived = [name for name in WRITTEN if (folder / "tables" / f"{name}.md").exists()]
    if derived:
        links = (f"{name} ([Markdown](tables/{name}.md), [LaTeX](tables/{name}.tex))" for name in derived)
        parts.append(f"The closed-form tables: {', '.join(links)}.")
    if (folder / VERIFICATION).exists():
        parts.append(f"[Their verification]({VERIFICATION}) in symbols and against real PyTorch layers.")
    if (folder / EXPLORER).exists():
        parts.append(f"[A page to play with]({EXPLORER}): download it and open it in a browser.")
    shown = [spec for spec in FIGURES.values() if (folder / f"{spec.name}.svg").exists()]
    for spec in shown:
        frame = from_csv(read_text(registry.data_path(folder, spec.name)))
        files = f"[SVG]({spec.name}.svg) · [PNG]({spec.name}.png) · [data](data/{spec.name}.csv)"
        image = f"![{spec.name}]({spec.name}.svg)"
        parts += [f"## {spec.name}", image, registry.caption(spec, frame, for_markdown), files]
    write(folder / PAGE, MARKS["markdown"] + "\n\n".join(parts) + "\n", mark=MADE)
    return StepOutcome(f"README.md: {len(shown)} figures")

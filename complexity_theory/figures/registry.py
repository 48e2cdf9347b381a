"""What a figure is: a name, a caption, where its data come from and how they are drawn; and the making of its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import MADE, read_text, write
from complexity_theory.core.text import short
from complexity_theory.figures import style
from complexity_theory.figures.data import from_csv, to_csv

KEPT = Path(__file__).parent / "kept"  # the data of the figures, with the package: in a checkout a link to ``CHECKOUT``
CHECKOUT = Path(__file__).resolve().parents[2] / "figures"  # where a clone keeps the figures and their data


USUAL_FORMS = ("svg", "png")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Origin(StrEnum):
    """What the data of a figure are made from, and what ``Spec.derive`` is called with."""

    package = "the package"  # nothing
    tables = "the folder of benchmark tables"  # the folder of timm's CSV files
    store = "a store of measurements"  # the SQLite file


@dataclass(frozen=True, slots=True)
class Spec:
    """A figure. ``caption`` says what it shows; names in braces stand for the ``attrs`` of its data (device, source).

    ``derive`` makes the data from their ``origin`` (of a folder of tables it takes ``files``), or None where that lacks
    them; ``draw`` makes the figure from the data alone.
    """

    name: str
    caption: str
    derive: Callable[..., pd.DataFrame | None]
    draw: Callable[[pd.DataFrame], Figure]
    origin: Origin = Origin.package
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """What is at hand to make data from: the folder of shared tables, a store of measurements; None where absent."""

    tables: Path | None = None
    store: Path | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure that was drawn: its name, its caption in full, and whether its data were made anew."""

    name: str
    caption: str
    anew: bool


def data_path(folder: Path, name: str) -> Path:
    """Where the data of a figure lie in a folder of figures."""
    return folder / "data" / f"{name}.csv"


def derived(spec: Spec, sources: Sources, given: Mapping[str, Any] = NOTHING) -> pd.DataFrame | None:
    """The data of a figure made anew, or None where what they are made from is not at hand.

    ``given``: networks and strategies other than its own, of a figure that takes them.
    """
    if spec.origin is Origin.package:
        return spec.derive(**given)
    source = sources.tables if spec.origin is Origin.tables else sources.store
    if source is None or not all((source / file).exists() for file in spec.files):
        return None
    return spec.derive(source)


def kept(spec: Spec, folder: Path) -> str | None:
    """The CSV of a figure as it was written earlier: in ``folder``, else with the package; None where there is none."""
    for path in (data_path(folder, spec.name), KEPT / f"{spec.name}.csv"):
        if path.exists():
            return read_text(path)
    return None


def targets(spec: Spec, folder: Path, forms: Sequence[str] = USUAL_FORMS) -> list[Path]:
    """The files of a figure: its data, and a picture in each of the forms."""
    return [data_path(folder, spec.name), *(folder / f"{spec.name}.{form}" for form in forms)]


def figure(spec: Spec, frame: pd.DataFrame) -> Figure:
    """The figure of a frame, in the style of the house."""
    with mpl.rc_context(dict(style.RC)):
        return spec.draw(frame)


def caption(spec: Spec, frame: pd.DataFrame, escape: Callable[[str], str] = str) -> str:
    """The caption in full; ``escape`` makes what it says of the data fit for where it is to stand."""
    about: dict[str, Any] = {str(key): escape(str(value)) for key, value in frame.attrs.items()}
    return spec.caption.format(**about)


def make(
    spec: Spec,
    folder: Path,
    sources: Sources,
    forms: Sequence[str] = USUAL_FORMS,
    given: Mapping[str, Any] = NOTHING,
) -> Drawn | None:
    """Writes NAME in each of the forms and data/NAME.csv into ``folder``; None, and nothing, where there are no data.

    What is drawn is the CSV as written: data made anew where their source is at hand, else those kept from before.
    """
    fresh = derived(spec, sources, given)
    text = kept(spec, folder) if fresh is None else to_csv(fresh)
    if text is None:
        return None
    try:
        frame = from_csv(text)
        drawing = figure(spec, frame)
        contents: tuple[str | bytes, ...] = (text, *(style.FORMS[form](drawing) for form in forms))
        said = caption(spec, frame)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if fresh is not None or isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"{data_path(folder, spec.name)} holds no data of the figure {spec.name}: {short(str(error), 200)}"
        ) from None
    for path, content in zip(targets(spec, folder, forms), contents, strict=True):
        write(path, content, mark=MADE)
    return Drawn(spec.name, said, fresh is not None)

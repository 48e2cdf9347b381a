"""The verb ``figure``: a figure by name, made in one call, of the networks and strategies asked for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import write
from complexity_theory.core.report import Table
from complexity_theory.figures import registry, style
from complexity_theory.figures.catalogue import find
from complexity_theory.figures.data import from_csv, to_csv
from complexity_theory.figures.registry import CHECKOUT, Sources, Spec
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result


@dataclass(frozen=True, repr=False)
class Drawing(Result):
    """A figure: ``figure`` (matplotlib), its ``data`` and ``caption``; shown as a picture in notebooks."""

    spec: Spec
    data: pd.DataFrame
    figure: Figure

    @property
    def name(self) -> str:
        """Its name."""
        return self.spec.name

    @property
    def caption(self) -> str:
        """What it shows, with devices and sources."""
        return registry.caption(self.spec, self.data)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [Table(self.rows(), self.caption)]

    def as_dict(self) -> dict[str, Any]:
        return {"figure": self.name, "caption": self.caption, "data": self.rows()}

    def rows(self) -> list[dict[str, Any]]:
        return [{str(name): value for name, value in row.items()} for row in self.data.to_dict("records")]

    def frame(self) -> pd.DataFrame:
        return self.data

    def summary(self) -> str:
        return f"{self.name}: {len(self.data)} rows"

    def _repr_html_(self) -> str:
        picture = style.svg(self.figure).decode()
        return picture[picture.index("<svg") :] + f"<p>{self.caption}</p>"

    def _repr_markdown_(self) -> str:
        return self.caption

    def rendered(self, form: str) -> bytes:
        """The picture as ``pdf``, ``svg`` or ``png``. Raises InvalidInput for another form."""
        return style.FORMS[resolve.choice(form, "form of a figure", list(style.FORMS))](self.figure)

    def save(self, output: str | Path) -> Path:
        """Writes the picture to a file whose suffix says the form. Raises InvalidInput where it cannot."""
        path = resolve.path(output, "output")
        write(path, self.rendered(style.form_of(path)))
        return path


def takes(spec: Spec) -> set[str]:
    """What of networks and strategies a figure can be made of."""
    return set(inspect.signature(spec.derive).parameters) & {"networks", "strategies"}


def chosen(spec: Spec, networks: Any = None, strategies: Any = None) -> dict[str, Any]:
    """The networks and strategies that ``spec.derive`` is to be called with.

    Raises InvalidInput for a figure that does not take them, and for what are none.
    """
    given: dict[str, Any] = {}
    if networks is not None:
        given["networks"] = tuple(resolve.network(network) for network in resolve.several(networks, "networks"))
    if strategies is not None:
        given["strategies"] = tuple(
            resolve.strategy(strategy) for strategy in resolve.several(strategies, "strategies")
        )
    for name in sorted(set(given) - takes(spec)):
        raise InvalidInput(f"the figure {spec.name} has no {name} to choose")
    return given


def figure(
    name: str, *, networks: Any = None, strategies: Any = None, tables: Any = None, store: Any = None
) -> Drawing:
    """A figure by name (``figures.catalogue``), with its data and caption, in one call.

    ``networks``, ``strategies``: one or several, as text or objects, for the figures that take them (default: the
    paper's). ``tables``: the folder of timm's benchmark tables; ``store``: a store of measurements; without
    them, figures of these are drawn from the data kept with the package. Raises InvalidInput for an unknown name, for
    what a figure does not take, and where there are no data.

    >>> figure("exponents").frame().shape[0] > 0
    True
    """
    if not isinstance(name, str):
        raise InvalidInput(f"a figure is named by text, not {resolve.shown(name)}")
    (spec,) = find([name])
    given = chosen(spec, networks, strategies)
    sources = Sources(
        tables=None if tables is None else resolve.path(tables, "the folder of tables"),
        store=None if store is None else resolve.path(store, "the store"),
    )
    fresh = registry.derived(spec, sources, given)
    text = registry.kept(spec, CHECKOUT) if fresh is None else to_csv(fresh)
    if text is None:
        raise InvalidInput(f"{name} has no data: {spec.origin} is not at hand")
    frame = from_csv(text)
    return Drawing(spec, frame, registry.figure(spec, frame))

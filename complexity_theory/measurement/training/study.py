"""Studies of accuracy as data: which networks under which strategies, by which recipe, on which images, how often."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from complexity_theory.core import schema
from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.jobs import UNSCALED, Job, NetworkSubject
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.studies import Study
from complexity_theory.measurement.training import recipe as recipes
from complexity_theory.measurement.training.images import ImageSource, find
from complexity_theory.measurement.training.recipe import Recipe
from complexity_theory.measurement.training.subject import TrainingSubject, job
from complexity_theory.scaling.strategy import parse

VERSION = 1  # of the files
FOLDER = Path(__file__).parent / "studies"
LIMIT = 24 * 3600.0  # seconds of a run
TIMED = Protocol(rounds=1, warmup=2.0, min_time=0.5, max_time=1.0, budget=1.0)
AT_ONCE = {"cpu": 1, "cuda": 1024}  # images of a step that keeps a device busy


_Texts = Annotated[list[str], Meta(min_length=1, max_length=1000, description="a list of texts, one at least")]
_Factors = Annotated[list[float], Meta(min_length=1, max_length=1000, description="a list of numbers, one at least")]


class CellsFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A table of cells of a file: each of the networks under each of the strategies by each of the factors."""

    networks: _Texts
    strategies: _Texts
    factors: _Factors


class AccuracyFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of a study."""

    version: Annotated[int, Meta(ge=1, le=VERSION, description=f"{VERSION}, the edition of studies known here")] = 1
    recipe: str
    data: str
    seeds: Annotated[int, Meta(ge=1, le=10**4, description="a whole number from 1 to 10^4")]
    cells: Annotated[list[CellsFile], Meta(min_length=1, max_length=1000, description="tables [[cells]]")]


@dataclass(frozen=True, slots=True)
class AccuracyStudy:
    """``cells``: networks with a strategy and a factor, each trained ``seeds`` times."""

    cells: tuple[tuple[str, str, float], ...]
    recipe: Recipe
    source: ImageSource
    seeds: int

    def jobs(self, device: str, checkpoints: str = "") -> list[Job]:
        """The runs, seed by seed, so that a study that is stopped has every cell about as often."""
        return [job(subject, device) for subject in self._subjects(self.seeds, checkpoints)]

    def _subjects(self, seeds: int, checkpoints: str = "") -> list[TrainingSubject]:
        return [
            TrainingSubject(name, strategy, factor, self.recipe, self.source, seed, checkpoints)
            for seed in range(seeds)
            for name, strategy, factor in self.cells
        ]

    def timings(self, device: str) -> Study:
        """A step of training of each of the networks, timed by itself: at the recipe's batch, on a GPU at more."""
        batch = max(self.recipe.batch, AT_ONCE[device])
        subjects = {run.described.key: run for run in self._subjects(seeds=1)}
        settings = [job(run, device).settings for run in subjects.values()]
        jobs = (
            Job(NetworkSubject(run.network()), replace(setting, batch=batch, search=True))
            for run, setting in zip(subjects.values(), settings, strict=True)
        )
        return Study(tuple(jobs), TIMED)

    def study(self, device: str, checkpoints: str, limit: float = LIMIT) -> Study:
        """The jobs with the rules of running them."""
        return Study(tuple(self.jobs(device, checkpoints)), Protocol(rounds=1, limit=limit))


def names() -> tuple[str, ...]:
    """The studies that come with the package.

    >>> names()
    ('fashion', 'quick', 'small')
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_accuracy_study(
    name_or_path: str,
    *,
    data: str | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
) -> AccuracyStudy:
    """The study of a name or of a ``.toml`` file, with what is given here in place of what it says.

    A file has ``recipe``, ``data``, ``seeds`` and tables ``[[cells]]`` of ``networks``, ``strategies`` and ``factors``;
    at factor 1 all strategies are the same. Raises InvalidInput for others.

    >>> len(load_accuracy_study("quick").cells)
    5
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in names():
            raise InvalidInput(
                f"unknown study {name_or_path!r}: one of {', '.join(names())}, or the path of a .toml file"
            )
        path = FOLDER / f"{name_or_path}.toml"
    content = schema.read(path)
    try:
        found = schema.checked(content, AccuracyFile, "a study of accuracy")
        cells = tuple(dict.fromkeys(cell for table in found.cells for cell in _cells(table)))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None
    chosen = recipes.load_recipe(recipe or found.recipe)
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs, warmup_epochs=min(chosen.warmup_epochs, epochs / 2))
    asked = found.seeds if seeds is None else seeds
    if asked < 1:
        raise InvalidInput(f"seeds must be at least 1, not {asked}")
    return AccuracyStudy(cells, chosen, find(data or found.data), asked)


def _cells(table: CellsFile) -> Iterator[tuple[str, str, float]]:
    for factor, strategy, name in product(table.factors, table.strategies, table.networks):
        if not 0 < factor < math.inf:
            raise InvalidInput(f"a factor must be a positive number, not {factor!r}")
        parse(strategy)
        yield name, UNSCALED if factor == 1 else strategy, float(factor)

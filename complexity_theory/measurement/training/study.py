"""Studies of accuracy as data: which networks under which strategies, by which recipe, on which images, how often."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.jobs import UNSCALED, Job, NetworkSubject
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.studies import Study
from complexity_theory.measurement.training import recipe as recipes
from complexity_theory.measurement.training.images import ImageSource, find
from complexity_theory.measurement.training.recipe import Recipe
from complexity_theory.measurement.training.subject import TrainingSubject, job
from complexity_theory.scaling.strategy import parse

FOLDER = Path(__file__).parent / "studies"
LIMIT = 24 * 3600.0  # seconds of a run
TIMED = Protocol(rounds=1, warmup=2.0, min_time=0.5, max_time=1.0, budget=1.0)
AT_ONCE = {"cpu": 1, "cuda": 1024}  # images of a step that keeps a device busy


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
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no study: {error}") from None
    _check(content, {"recipe": str, "data": str, "seeds": int, "cells": list}, str(path))
    cells = tuple(dict.fromkeys(cell for table in content["cells"] for cell in _cells(table, path)))
    chosen = recipes.load_recipe(recipe or content["recipe"])
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs, warmup_epochs=min(chosen.warmup_epochs, epochs / 2))
    asked = content["seeds"] if seeds is None else seeds
    if asked < 1:
        raise InvalidInput(f"seeds must be at least 1, not {asked}")
    return AccuracyStudy(cells, chosen, find(data or content["data"]), asked)


def _check(table: Any, known: dict[str, type], what: str) -> None:
    if not isinstance(table, dict) or set(table) != set(known):
        raise InvalidInput(f"{what} must have {', '.join(known)}, not {', '.join(table) or 'nothing'}")
    for name, kind in known.items():
        if not isinstance(table[name], kind) or isinstance(table[name], bool) or table[name] == []:
            raise InvalidInput(f"{name} of {what} must be {kind.__name__}, not {table[name]!r}")


def _cells(table: Any, path: Path) -> list[tuple[str, str, float]]:
    _check(table, {"networks": list, "strategies": list, "factors": list}, f"[[cells]] of {path}")
    found = []
    for factor, strategy, name in product(table["factors"], table["strategies"], table["networks"]):
        if not isinstance(factor, (int, float)) or isinstance(factor, bool) or not factor > 0:
            raise InvalidInput(f"a factor of {path} must be a positive number, not {factor!r}")
        parse(strategy)
        found.append((str(name), UNSCALED if factor == 1 else strategy, float(factor)))
    return found

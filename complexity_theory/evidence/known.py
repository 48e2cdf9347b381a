"""What is known of a network's accuracy: cited errors, and what a study's runs did. Read without pandas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from complexity_theory import zoo

LEVEL = 0.95  # of intervals
BASE = "base"  # the strategy of a network as it is
RUNS = "accuracy_runs.csv"
CITED = "model_zoo_v100.csv"
SOURCE = "pycls Model Zoo"

KnownRun: TypeAlias = Mapping[str, Any]  # a training run that went well, by the columns of ``accuracy.shipped``


class MeanInterval(NamedTuple):
    """A mean with its interval; NaN where the values do not determine it."""

    mean: float
    low: float
    high: float


def interval(values: Any, level: float = LEVEL) -> MeanInterval:
    """The mean of independent values, with its interval by Student's t (NaN of fewer than two values).

    >>> [round(value, 3) for value in interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return MeanInterval(mean, np.nan, np.nan)
    from scipy.special import stdtrit  # a prediction, which reads this module, is to start at once

    half = float(stdtrit(n - 1, (1 + level) / 2) * np.std(values, ddof=1) / np.sqrt(n))
    return MeanInterval(mean, mean - half, mean + half)


class Known(NamedTuple):
    """What is known of an error: a share of the test images of ``data``, with its interval where there is one.

    ``of``: the network that was trained, which in a study is another, smaller one than was asked of; ``flops`` its own;
    ``runs``: how many, of which it is the mean.
    """

    of: str
    flops: int
    error: float
    low: float | None
    high: float | None
    data: str
    runs: int
    source: str

    def __str__(self) -> str:
        """In one line."""
        ends = "" if self.low is None or self.high is None else f" [{self.low:.2%}, {self.high:.2%}]"
        trained = f"{self.of}, {self.flops / 1e6:,.1f} MF, {self.runs} run{'s' if self.runs > 1 else ''}"
        return f"{self.error:.2%}{ends} on {self.data} ({trained}; {self.source})"


def known_accuracy(
    network: str, strategy: str = BASE, *, family: str | None = None, runs: Iterable[KnownRun] | None = None
) -> list[Known]:
    """What is known of the error of a network, or of one scaled by a strategy; empty where nothing is.

    Of an unscaled network of the zoo, the cited top-1 error on ImageNet. Of a strategy, what it did to small networks
    with the blocks of the ``family`` (default: the zoo's) in ``runs`` of a study (default: the one that comes with the
    package): the errors of those, not the network's own.

    >>> known_accuracy("EfficientNet-B1")[0].error
    0.24068
    >>> known_accuracy("VGG-11")
    []
    """
    if strategy == BASE:
        cited = (row for row in rows(CITED) if row["network"] == network)
        return [
            Known(network, int(row["flops"]), float(row["top1_error"]) / 100, None, None, "ImageNet", 1, SOURCE)
            for row in cited
        ]
    family = family or (zoo.find(network).family if zoo.knows(network) else None)
    cells: dict[tuple[str, float], list[KnownRun]] = {}
    for run in rows(RUNS) if runs is None else runs:
        if run["strategy"] == strategy and run["family"] == family:
            cells.setdefault((run["network"], float(run["factor"])), []).append(run)
    return [_of_cell(cell) for cell in cells.values()]


def _of_cell(cell: list[KnownRun]) -> Known:
    found, first = interval([float(run["error"]) for run in cell]), cell[0]
    low, high = (None if np.isnan(end) else end for end in (found.low, found.high))
    flops = int(float(first["flops"]))
    return Known(first["network"], flops, found.mean, low, high, first["data"], len(cell), "a study of this package")


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table of this package, by its name: text, after its comment lines. None where it is not there."""
    file = files("complexity_theory.evidence").joinpath("tables", name)
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return tuple(csv.DictReader(line for line in lines if line[:1] != "#"))


def told(network: str, family: str, strategies: Iterable[str]) -> str:
    """What is known of the accuracy of a network under strategies, in a line that says where nothing is.

    >>> told("VGG-11", "VGG", ["w", "dWr"])
    'nothing is known of how accurate VGG-11 is under these strategies: the fastest is not the best'
    """
    known = {strategy: known_accuracy(network, strategy, family=family) for strategy in strategies}
    found = {strategy: each[0] for strategy, each in known.items() if each}
    if not found:
        return f"nothing is known of how accurate {network} is under these strategies: the fastest is not the best"
    one = next(iter(found.values()))
    errors = ", ".join(f"{strategy} {100 * each.error:.1f}" for strategy, each in found.items())
    return (
        f"accuracy is known of a small network with such blocks alone: errors of {one.of} by {one.runs} runs on "
        f"{one.data}, in percent: {errors}; see `measure errors` for what they tell apart"
    )

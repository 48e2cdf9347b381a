"""The ways of the strategies through the costs: what a figure of a choice is drawn from."""

from __future__ import annotations

from typing import Any

import numpy as np

from complexity_theory.choice.choose import Choice
from complexity_theory.choice.costs import buildable, costs
from complexity_theory.graph.complexity import METRICS

POINTS = 24  # along each strategy


def paths(choice: Choice, points: int = POINTS) -> list[dict[str, Any]]:
    """Networks along each candidate's strategy, from half the smaller to twice the larger of its factor and 1.

    Rows, by strategy and factor: ``strategy``, ``factor``, counts, ``seconds`` and ``memory`` by device, and
    ``chosen``: whether it is the candidate.
    """
    told, rows = [], []
    for candidate in choice.candidates:
        ladder, own = choice.ladder(candidate), candidate.factor
        for factor in sorted({own, *np.geomspace(min(1, own) / 2, max(1, own) * 2, points).tolist()}):
            told.append({"strategy": candidate.strategy.name, "factor": factor, "chosen": factor == own})
            rows.append(ladder.at(factor))
    sizes = np.array(rows, dtype=np.int64)
    built = np.flatnonzero(buildable(choice.base, ladder.knobs, sizes))
    found = costs(choice.base, sizes[built], choice.devices, with_memory=bool(choice.devices))
    return [
        {
            **told[row],
            **{name: int(getattr(found.counts, name)[i]) for name in METRICS},
            "seconds": {name: float(values[i]) for name, values in found.seconds.items()},
            "memory": {name: float(values[i]) for name, values in found.memory.items()},
        }
        for i, row in enumerate(built.tolist())
    ]

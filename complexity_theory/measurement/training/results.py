"""What a store holds of training runs, as frames: a row per run, a row per epoch. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import store
from complexity_theory.measurement.training.subject import KIND

ABOUT = ("network", "family", "strategy", "factor", "resolution", "flops", "params", "acts", "recipe", "data", "seed")


def runs(path: str | Path) -> pd.DataFrame:
    """The training runs of a store, a row each: what was trained, ``status`` and ``reason``, and of those that ended
    well ``error`` and ``error_top5`` (shares) with their 95% intervals, ``loss``, ``seconds`` of training,
    ``images_per_second``, ``peak_memory`` (bytes), ``weights`` (a hash), ``epochs`` (a list of dicts).

    Raises InvalidInput for a file that is no store, and for one without training runs.
    """
    frame = store.read(path)
    frame = frame[frame["kind"] == KIND].reset_index(drop=True)
    if frame.empty:
        raise InvalidInput(f"{path} holds no training run: see `complexity-theory measure accuracy`")
    for name in ("loss", "seconds", "images_per_second"):
        frame[name] = [_of_epochs(row, name) for row in frame.get("epochs", pd.Series([None] * len(frame)))]
    return frame


def _of_epochs(epochs: Any, name: str) -> float:
    """The last loss, the sum of the seconds, the mean rate."""
    if not isinstance(epochs, list):
        return float("nan")
    values = [float(row[name]) for row in epochs]
    if name == "loss":
        return values[-1]
    return sum(values) if name == "seconds" else sum(values) / len(values)


def by_epoch(frame: pd.DataFrame) -> pd.DataFrame:
    """The epochs of ``runs``, a row each: what was trained, and what was logged."""
    rows = [
        {**{name: row[name] for name in ABOUT}, **epoch}
        for row in frame.to_dict("records")
        if isinstance(row["epochs"], list)
        for epoch in row["epochs"]
    ]
    return pd.DataFrame(rows)

"""What a store holds of training runs, as frames: a row per run, a row per epoch. No torch here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import schema, store
from complexity_theory.measurement.store import Row
from complexity_theory.measurement.training.subject import KIND

ABOUT = ("network", "family", "strategy", "factor", "resolution", "flops", "params", "acts", "recipe", "data", "seed")
ERRORS = ("error", "error_low", "error_high", "error_top5", "error_top5_low", "error_top5_high")


def runs(path: str | Path) -> pd.DataFrame:
    """The training runs of a store, a row each: what was trained, ``status`` and ``reason``, and of those that ended
    well ``error`` and ``error_top5`` (shares) with their 95% intervals, ``loss``, ``seconds`` of training,
    ``images_per_second``, ``peak_memory`` (bytes), ``weights`` (a hash), ``epochs`` (a list of dicts).

    Raises InvalidInput for a file that is no store or is damaged, and for one without training runs.
    """
    found = {(row.environment, row.job): row for row in store.rows(path, [KIND])}  # the last attempt of each
    if not found:
        raise InvalidInput(f"{path} holds no training run: see `complexity-theory measure accuracy`")
    with schema.sound(path):
        return pd.DataFrame([_record(row) for row in found.values()])


def _record(row: Row) -> dict[str, Any]:
    result = json.loads(row.result)
    epochs: list[dict[str, float]] = result.get("epochs", [])
    seconds = sum(epoch["seconds"] for epoch in epochs)
    images = sum(epoch["seconds"] * epoch["images_per_second"] for epoch in epochs)
    return {
        **json.loads(row.description),
        **{"status": row.status, "reason": row.reason, "job": row.job, "environment": row.environment},
        **{name: result.get(name) for name in (*ERRORS, "peak_memory", "weights")},
        "loss": epochs[-1]["loss"] if epochs else None,
        "seconds": seconds or None,
        "images_per_second": images / seconds if seconds else None,
        "epochs": epochs,
        **json.loads(row.place),
        **{name: result["conditions"][name] for name in ("started", "version", "commit") if epochs},
    }


def by_epoch(frame: pd.DataFrame) -> pd.DataFrame:
    """The epochs of ``runs``, a row each: what was trained, and what was logged."""
    rows = [
        {**{name: row[name] for name in ABOUT}, **epoch} for row in frame.to_dict("records") for epoch in row["epochs"]
    ]
    return pd.DataFrame(rows)

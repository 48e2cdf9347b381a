"""What a store holds of training runs, as frames: a row per run, a row per epoch. No torch here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from complexity_theory.measurement import schema, store
from complexity_theory.measurement.analysis import records
from complexity_theory.measurement.frame import read as read_frame
from complexity_theory.measurement.jobs import NetworkSubject
from complexity_theory.measurement.store import StoredRow
from complexity_theory.measurement.training.subject import KIND

ABOUT = ("network", "family", "strategy", "factor", "resolution", "flops", "params", "acts", "recipe", "data", "seed")
ERRORS = ("error", "error_low", "error_high", "error_top5", "error_top5_low", "error_top5_high")


def runs(path: str | Path, environment: str | None = None, jobs: Collection[str] | None = None) -> pd.DataFrame:
    """The training runs of a store (of an environment; of these jobs), a row each.

    What was trained, ``status`` and ``reason``, and of those that ended well ``error`` and ``error_top5`` (shares) with
    their 95% intervals, ``loss``, ``seconds`` of training, ``images_per_second``, ``peak_memory`` (bytes), ``weights``
    (a hash), ``epochs`` (a list of dicts). ``seconds_per_image``: of a step of training of its network, timed by itself
    at ``timed_batch`` images, where it was. ``description``: the network in full (JSON of a network file).

    Raises InvalidInput for a file that is no store or is damaged.
    """
    wanted = (
        row
        for row in store.rows(path, [KIND])
        if environment in (None, row.environment) and (jobs is None or row.job in jobs)
    )
    found = {(row.environment, row.job): row for row in wanted}  # the last attempt of each
    timed = read_frame(path)
    timed = timed[(timed["kind"] == NetworkSubject.kind) & (timed["mode"] == "train") & (timed["status"] == "ok")]
    steps = {(row["environment"], row["description"]): row for row in records(timed)}
    with schema.sound(path):
        return pd.DataFrame([_record(row, steps.get((row.environment, row.subject), {})) for row in found.values()])


def _record(row: StoredRow, step: Mapping[str, Any]) -> dict[str, Any]:
    result = json.loads(row.result)
    epochs: list[dict[str, float]] = result.get("epochs", [])
    seconds = sum(epoch["seconds"] for epoch in epochs)
    images = sum(epoch["seconds"] * epoch["images_per_second"] for epoch in epochs)
    return {
        **json.loads(row.description),
        **{"status": row.status, "reason": row.reason, "job": row.job, "environment": row.environment},
        **{name: result.get(name) for name in (*ERRORS, "peak_memory", "weights")},
        **{"seconds_per_image": step.get("seconds_per_image"), "timed_batch": step.get("batch")},
        "description": row.subject,
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


UNKEPT = ("kind", "subject", "job", "environment", "status", "reason", "epochs", "search", "mode", "execution")


def to_csv(frame: pd.DataFrame) -> str:
    """``runs`` that went well as CSV, without their epochs, after comment lines that say where they are from."""
    about = {name: ", ".join(map(str, frame[name].unique())) for name in ("device_name", "torch", "recipe", "data")}
    lines = [f"# {name}: {value}\n" for name, value in about.items()]
    table = frame[frame["status"] == "ok"].drop(columns=[name for name in UNKEPT if name in frame])
    return "# source: complexity-theory measure accuracy\n" + "".join(lines) + table.to_csv(index=False)

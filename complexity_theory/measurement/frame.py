"""Stored attempts as a pandas frame, one row per job and environment, and each row's share of its roofline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from complexity_theory.core import text
from complexity_theory.core.checks import is_number
from complexity_theory.core.limits import shown
from complexity_theory.core.report import csv_cell
from complexity_theory.measurement import schema
from complexity_theory.measurement.isolate import Status
from complexity_theory.measurement.jobs import BYTES, CeilingSubject
from complexity_theory.measurement.protocol import is_noisy, quartiles
from complexity_theory.measurement.store import StoredRow, rows_of, timed_kinds, times

FIRST = (
    *("kind", "network", "family", "strategy", "factor", "base", "base_resolution", "resolution", "batch", "search"),
    *("dtype", "layout", "mode", "execution"),
    *("flops", "params", "acts", "median", "p25", "p75", "n", "rounds", "noisy", "seconds_per_image", "device_median"),
    *("status", "reason", "peak_memory", "roofline", "device", "device_name", "job", "environment"),
    *("form", "description", "samples"),
)
NUMBERS = (
    *("factor", "base_resolution", "resolution", "batch", "flops", "params", "acts"),
    *("median", "p25", "p75", "n", "rounds", "seconds_per_image", "device_median", "peak_memory"),
)

# A backward pass computes two products, for the input's gradient and the weights', where a forward pass computes one.
_PASSES = {"forward": 1, "backward": 3, "train": 3}


def to_frame(rows: Iterable[StoredRow]) -> pd.DataFrame:
    """The frame of ``read``, from its rows in the order of environments, jobs and attempts.

    Raises what Python and pandas raise for rows that hold something else than a sweep stores.
    """
    groups = groupby(rows, key=lambda row: (row.environment, row.job))
    records = [_record(list(attempts)) for _, attempts in groups]
    frame = pd.DataFrame(records, columns=list(dict.fromkeys([*FIRST, *(name for r in records for name in r)])))
    for name in map(str, frame):
        whole = [r.get(name) for r in records if r.get(name) is not None]
        if whole and all(type(value) is int and abs(value) < 2**63 for value in whole):
            frame[name] = pd.array(
                [r.get(name) for r in records], dtype="Int64" if len(whole) < len(frame) else "int64"
            )
        elif name in NUMBERS:  # a column that is empty, or None throughout, has no type of its own
            frame[name] = pd.to_numeric(frame[name])
    frame = _with_roofline(frame.astype({"noisy": "boolean"}))
    return frame[frame.kind != CeilingSubject.kind].reset_index(drop=True)


def _record(attempts: list[StoredRow]) -> dict[str, Any]:
    """One row: the rounds of one job at the batch that it ended with."""
    last = attempts[-1]
    results = [json.loads(a.result) for a in attempts if a.status == "ok" and a.batch == last.batch]
    samples = [sample for result in results for sample in times(result)]
    description, place = json.loads(last.description), json.loads(last.place)
    _check({**description, **place, "batch": last.batch, "status": last.status})
    record = {**description, "batch": last.batch, "status": last.status, "reason": last.reason, "n": len(samples)}
    if results:
        p25, median, p75 = quartiles(samples)
        _, device_median, _ = quartiles([time for result in results for time in times(result, "device_samples")])
        counts = results[0]["counts"] or {}
        _check({**description, **place, **counts, "batch": last.batch, "status": last.status})
        record |= {
            **counts,
            "median": median,
            "p25": p25,
            "p75": p75,
            "rounds": len(results),
            "noisy": is_noisy(samples),
            "seconds_per_image": median / last.batch,
            "device_median": device_median,
            "peak_memory": max(result["peak_memory"] for result in results),
            **{f"share_{phase}": share for phase, share in results[-1]["shares"].items()},
            "samples": samples,
            "samples_per_round": [len(result["samples"]) for result in results],
            "load": max(result["conditions"]["load"] for result in results),
            **{name: results[0]["conditions"][name] for name in ("started", "version", "commit")},
            "conditions": json.dumps([result["conditions"] for result in results]),
        }
    about = {"job": last.job, "environment": last.environment, "form": last.form, "description": last.subject}
    return {**record, **place, **about}


# Columns that must be text, or a number above zero; where the second is True, they may be missing.
_TEXT = {
    **dict.fromkeys(
        ("kind", "network", "family", "dtype", "layout", "mode", "execution", "device", "device_name"), False
    ),
    **dict.fromkeys(("strategy", "base", "subject"), True),
}
_NUMBERS = {"batch": False, **dict.fromkeys(("factor", "resolution", "base_resolution"), True)}
_COUNTS = ("flops", "params", "acts")


def _check(record: dict[str, Any]) -> None:
    """Raises ValueError for a row that no sweep has stored."""
    for name, optional in _TEXT.items():
        value = record.get(name)
        if not (isinstance(value, str) or (optional and value is None)):
            raise ValueError(f"{name} must be text, not {shown(value)}")
    for name, optional in _NUMBERS.items():
        number: Any = record.get(name)
        if not (number is None and optional) and not (is_number(number) and number > 0):
            raise ValueError(f"{name} must be a number above 0, not {shown(number)}")
    for name in _COUNTS:
        value = record.get(name)
        if value is not None and not (type(value) is int and value >= 0):
            raise ValueError(f"{name} must be a whole number, not {shown(value)}")
    if record["status"] not in get_args(Status):
        raise ValueError(f"status must be one of {', '.join(get_args(Status))}, not {shown(record['status'])}")


def _with_roofline(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds the ceilings of the row's device at its dtype, and the share of its roofline that the row attains.

    ``peak_flops``: multiply-adds per second of a large matrix product. ``peak_bandwidth``: bytes per second of a large
    copy, read and written. ``roofline``: max(flops / peak_flops, bytes / peak_bandwidth) over the measured time, where
    bytes are the least traffic of a forward pass in eager mode: each weight read once per batch, each act written and
    read once. A step with a backward pass counts three times.
    """
    where = ["environment", "dtype"]
    size = frame["dtype"].map(BYTES).astype(float)
    matmul = (frame.kind == CeilingSubject.kind) & (frame.network == "matmul")
    copy = (frame.kind == CeilingSubject.kind) & (frame.network == "copy")
    rates = {
        "peak_flops": (frame.flops / frame["median"])[matmul],
        "peak_bandwidth": (2 * frame.resolution**2 * size / frame["median"])[copy],
    }
    for name, rate in rates.items():
        frame = frame.join(rate.groupby([frame[key] for key in where]).max().rename(name), on=where)
    flops = frame.flops * frame.batch
    traffic = (frame.params + 2 * frame.acts * frame.batch) * size
    least = pd.concat([flops / frame.peak_flops, traffic / frame.peak_bandwidth], axis=1).max(axis=1, skipna=False)
    return frame.assign(roofline=frame["mode"].map(_PASSES).astype(float) * least / frame["median"])


def read(path: str | Path) -> pd.DataFrame:
    """A frame of what a store holds, one row per job and environment; failed jobs have a status and a reason.

    What was measured: ``kind`` (network, layer, module), ``network`` (its name), ``family``, ``description`` with its
    ``form`` (``jobs.Description``; None where no more is known than the row says), ``base`` (a key of the network
    before it was scaled), ``strategy``, ``factor``,
    ``resolution``, ``batch``, ``dtype``, ``layout``, ``mode``, ``execution``; ``flops`` (multiply-adds), ``params``,
    ``acts`` (elements) of one image, equal to the counts of the module timed.
    Times in seconds per call: ``median``, ``p25``, ``p75``, ``n``, ``noisy``, ``samples`` (a list), ``device_median``;
    ``seconds_per_image``; ``share_forward``, ``share_backward``, ``share_optimizer`` of a step; ``peak_memory`` in
    bytes. ``roofline``: the least time that the device's two ceilings allow, over the median. Where: ``device``,
    ``device_name``, ``torch`` and the other fields of the environment; ``load`` of the host and, as JSON, the
    ``conditions`` of each round. Raises InvalidInput for a file that is no store, or is damaged.
    """
    with schema.reading(path) as db:
        return to_frame(rows_of(db, timed_kinds()))


# A frame as the content of a file.
EXPORTS: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": lambda frame: frame.map(lambda cell: csv_cell(cell) if isinstance(cell, str) else cell).to_csv(index=False),
    "jsonl": lambda frame: text.visible(frame.to_json(orient="records", lines=True)),
    "parquet": lambda frame: frame.to_parquet(index=False),
}

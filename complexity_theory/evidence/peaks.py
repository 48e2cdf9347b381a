"""Peaks of memory that a device's allocator told, beside those predicted from what a network keeps and holds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from complexity_theory.devices.memory import inference, training
from complexity_theory.evidence.loaders import measured, network_of
from complexity_theory.measurement.analysis import records

BY = ["mode", "layout", "execution", "dtype"]


def peaks(path: Path) -> pd.DataFrame:
    """The networks of a store on devices whose allocator tells its peak (CUDA), a row each.

    ``measured`` and ``predicted`` in bytes (``devices.memory``: workspaces and the allocator's own are not predicted),
    and their ``ratio``. Raises InvalidInput for a file that is no store.
    """
    rows = measured(path)
    found = []
    for row in records(rows[rows["device"] == "cuda"]):
        network = network_of(row["form"], row["description"])
        if network is not None:
            of = inference if row["mode"] == "forward" else training
            told = of(network.tree, network.input(), batch=int(row["batch"]), precision=row["dtype"])
            about = {name: row[name] for name in ("network", "strategy", "factor", "batch", *BY)}
            found.append({**about, "measured": int(row["peak_memory"]), "predicted": int(told.total)})
    frame = pd.DataFrame(found, columns=["network", "strategy", "factor", "batch", *BY, "measured", "predicted"])
    return frame.assign(ratio=frame["measured"] / frame["predicted"])


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Of each way to run: how many networks, and the median and the ends of measured over predicted."""
    ratio = frame.groupby(BY, sort=False)["ratio"]
    return ratio.agg(networks="count", median="median", least="min", most="max").reset_index()

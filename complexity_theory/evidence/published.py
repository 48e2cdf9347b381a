"""Cited tables of measured times that come with the package (``tables/``; each file names its source)."""

from __future__ import annotations

import io
from dataclasses import replace
from importlib.resources import files

import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.table import TimeTable, frame_of
from complexity_theory.zoo import network

IMAGES_PER_EPOCH = 1_281_167  # of ImageNet's training set
GPUS = 8

_V100 = {
    "source": "pycls Model Zoo (github.com/facebookresearch/pycls, MODEL_ZOO.md, commit 5719de6)",
    "device": "NVIDIA V100",
    "software": "PyTorch (pycls)",
    "execution": "eager",
    "precision": "fp32",
    "layout": "nchw",
}
_EARLY = {
    "source": "Xiao et al., Early Convolutions Help Transformers See Better, NeurIPS 2021, table 2",
    "device": "8 x NVIDIA V100",
    "software": "PyTorch (pycls)",
    "execution": "eager",
    "layout": "nchw",
    "mode": "training",
}


def names() -> tuple[str, ...]:
    """The names of the built-in tables.

    >>> names()
    ('v100-inference', 'v100-training', 'early-convolutions')
    """
    return ("v100-inference", "v100-training", "early-convolutions")


def model_zoo() -> pd.DataFrame:
    """The V100 Model Zoo of pycls as published: 36 networks, seconds per batch, counts, top-1 error (percent)."""
    return _read("model_zoo_v100.csv")


def early_convolutions() -> pd.DataFrame:
    """Table 2 of *Early Convolutions* as published: 23 networks, minutes per epoch, counts in 10^9 and 10^6, errors."""
    return _read("early_convolutions.csv")


def _read(file: str) -> pd.DataFrame:
    text = files("complexity_theory.evidence").joinpath("tables", file).read_text(encoding="utf-8")
    return pd.read_csv(io.StringIO(text), comment="#")


def table(name: str) -> TimeTable:
    """A built-in table by name. Seconds per image are per GPU. Raises InvalidInput for an unknown name.

    Of ``early-convolutions``, networks that the zoo does not describe stay in the frame with their published (rounded)
    counts and without features.

    >>> frame = table("v100-inference").frame
    >>> len(frame), float(frame.seconds[frame.name == "ResNet-50"].iloc[0])
    (36, 0.000892)
    """
    if name == "early-convolutions":
        return _early_table()
    if name not in names():
        raise InvalidInput(f"unknown table {name!r}: one of {', '.join(names())}, or the path of a file")
    mode = name.removeprefix("v100-")
    rows = (
        {
            "name": row["network"],
            "network": replace(network(row["network"]), resolution=int(row["resolution"])),
            "seconds": row[f"{mode}_seconds"] / row[f"{mode}_batch"],
            "batch": int(row[f"{mode}_batch"]),
        }
        for row in model_zoo().to_dict("records")
    )
    return TimeTable(name, frame_of(rows), {**_V100, "mode": mode})


def _early_table() -> TimeTable:
    rows = []
    for row in early_convolutions().to_dict("records"):
        known = isinstance(row["zoo"], str)
        rows.append(
            {
                "name": row["network"],
                "network": replace(network(row["zoo"]), resolution=int(row["resolution"])) if known else None,
                "family": row["family"],
                "seconds": row["epoch_minutes"] * 60 * GPUS / IMAGES_PER_EPOCH,
                "batch": row["batch"] / GPUS,
                "flops": row["flops_g"] * 1e9,
                "params": row["params_m"] * 1e6,
                "acts": row["acts_m"] * 1e6,
            }
        )
    frame = frame_of(rows)
    unknown = tuple(frame.name[frame.network.isna()])
    return TimeTable("early-convolutions", frame, _EARLY, unknown)

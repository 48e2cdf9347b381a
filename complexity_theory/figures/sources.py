"""The tables of times that figures are drawn from, and what captions say of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from complexity_theory.evidence.loaders import load_table
from complexity_theory.evidence.sources import Source, sources
from complexity_theory.evidence.table import TimeTable

TIMM = "timm (github.com/huggingface/pytorch-image-models), results: "
# What figures call them in their names, and the profiles made from them.
PROFILES = {
    "v100_training": "v100-training",
    "v100_inference": "v100-inference",
    "3090_training": "rtx3090-training-nchw",
    "3090_eager": "rtx3090-eager-nchw",
    "3090_channels_last": "rtx3090-eager-nhwc",
    "4090_eager": "rtx4090-eager-nchw",
    "4090_compiled": "rtx4090-compiled-nchw",
    "cpu": "i9-10940x-compiled",
}
SOURCES = {name: sources()[profile] for name, profile in PROFILES.items()}
FILES = tuple(file for source in SOURCES.values() for file in source.files)


def table(source: Source, folder: Path | None = None) -> TimeTable:
    """The table of a source, from the folder of tables where it is not built in."""
    return _loaded(source.table if folder is None or not source.files else str(folder / source.table))


@cache
def _loaded(source: str) -> TimeTable:
    return load_table(source)


def provenance(names: tuple[str, ...] = tuple(SOURCES)) -> dict[str, str]:
    """What the data of several tables are about: their ``source``s and ``device``s, each told once."""
    chosen = [SOURCES[name] for name in names]
    built_in = dict.fromkeys(table(source).provenance["source"] for source in chosen if not source.files)
    files = ", ".join(file for source in chosen for file in source.files)
    return {"source": "; ".join([*built_in, TIMM + files]), "device": "; ".join(source.about for source in chosen)}

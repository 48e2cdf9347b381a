"""The tables of times that figures are drawn from: those built in, and timm's in a folder of tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from complexity_theory.evidence import published
from complexity_theory.evidence.loaders import load
from complexity_theory.evidence.table import Table

TIMM = "timm (github.com/huggingface/pytorch-image-models), results: "


class Source(NamedTuple):
    """A table of times: what panels call it, what captions say of it, and its ``file`` of timm or its built-in name."""

    short: str
    about: str
    file: str

    @property
    def files(self) -> tuple[str, ...]:
        """The file that it takes from a folder of tables: none where the table is built in."""
        return () if self.file in published.names() else (self.file,)

    def table(self, folder: Path | None = None) -> Table:
        """The table."""
        return _loaded(self.file if folder is None or not self.files else str(folder / self.file))


@cache
def _loaded(source: str) -> Table:
    return load(source)


SOURCES = {
    "v100_training": Source("V100, training", "NVIDIA V100, training, fp32, eager", "v100-training"),
    "v100_inference": Source("V100, inference", "NVIDIA V100, inference, fp32, eager", "v100-inference"),
    "3090_training": Source(
        "RTX 3090, training",
        "NVIDIA RTX 3090, training, AMP, NCHW, eager, PyTorch 1.12",
        "benchmark-train-amp-nchw-pt112-cu113-rtx3090.csv",
    ),
    "3090_eager": Source(
        "RTX 3090, eager",
        "NVIDIA RTX 3090, inference, AMP, NCHW, eager, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv",
    ),
    "3090_channels_last": Source(
        "RTX 3090, channels last",
        "NVIDIA RTX 3090, inference, AMP, channels last, eager, PyTorch 2.4",
        "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv",
    ),
    "4090_eager": Source(
        "RTX 4090, eager",
        "NVIDIA RTX 4090, inference, AMP, NCHW, eager, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv",
    ),
    "4090_compiled": Source(
        "RTX 4090, compiled",
        "NVIDIA RTX 4090, inference, AMP, NCHW, compiled, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv",
    ),
    "cpu": Source(
        "i9-10940X CPU",
        "Intel i9-10940X CPU, inference, fp32, batch 1, compiled, PyTorch 2.4",
        "benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv",
    ),
}
FILES = tuple(file for source in SOURCES.values() for file in source.files)


def provenance(names: tuple[str, ...] = tuple(SOURCES)) -> dict[str, str]:
    """What the data of several tables are about: their ``source``s and ``device``s, each told once."""
    chosen = [SOURCES[name] for name in names]
    built_in = dict.fromkeys(source.table().provenance["source"] for source in chosen if not source.files)
    files = ", ".join(file for source in chosen for file in source.files)
    return {"source": "; ".join([*built_in, TIMM + files]), "device": "; ".join(source.about for source in chosen)}

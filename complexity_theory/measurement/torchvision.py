"""torchvision beside a build of torch that its compiled part does not fit, as PyPI's beside torch for the CPU alone."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

import torch

# What torchvision's Python registers fakes for when it is imported: declared, not implemented.
_DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_LIBRARIES: list[torch.library.Library] = []  # what a library declares goes with it


@cache
def make_importable() -> None:
    """Declares two operators of torchvision where its compiled part cannot be loaded; its import would fail there.

    Does nothing where torchvision is absent, imported already, or whole. timm and others import torchvision: call this
    before the import of any of them.
    """
    if "torchvision" in sys.modules:
        return
    spec = importlib.util.find_spec("torchvision")
    places = [] if spec is None else spec.submodule_search_locations or []
    compiled = [file for place in places for file in Path(place).glob("_C*") if file.suffix in (".so", ".pyd")]
    if not compiled:
        return
    try:
        torch.ops.load_library(str(compiled[0]))  # type: ignore[no-untyped-call]
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _DECLARED:
            library.define(schema)  # type: ignore[no-untyped-call]
        _LIBRARIES.append(library)

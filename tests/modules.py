"""Networks that others wrote, held to counts of others: ``python -m tests.modules [PART OF A NAME ...]``.

With ``--widened`` the forms of nine of them are compared with what their authors' own arguments widen and deepen.
With ``--forms`` they are traced as well (``tests.traces``); with ``--numbers`` too, the outputs of what is built anew
are compared with theirs.

The truth is ``modules/counts.json`` of the shared data: torch's FlopCounterMode and wrappers round the functions of
``torch.nn.functional``, at up to two sizes, one of them rectangular.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import nn

from complexity_theory.core import report
from complexity_theory.measurement.count import count
from complexity_theory.measurement.torchvision import make_importable

SHARED = Path(__file__).resolve().parents[2] / "shared"
# One of each kind, quick to build: what every run of the tests looks at.
SAMPLE = [
    "timm/efficientnet_blur_b0",
    "timm/mixnet_l",
    "timm/ghostnetv3_100",
    "timm/resnest14d",
    "timm/convnextv2_atto",
    "timm/res2next50",
    "timm/lambda_resnet26t",
    "timm/levit_128s",
    "timm/coat_lite_tiny",
    "timm/pvt_v2_b0",
    "timm/convit_tiny",
    "tv/mobilenet_v3_small",
    "tv/ssdlite320_mobilenet_v3_large.backbone",
    "tv/mc3_18",
    "smp/Unet-resnet18",
    "cv/dicenet_w1",
    "cv/condensenet74_c4_g4",
    "user/net3d",
    "user/net1d",
    "user/unet_t",
    "user/shared",
]


class Row(NamedTuple):
    """A network at a size: what differs from the truth (none where it is exact), and the seconds of the count."""

    name: str
    kind: str
    size: str
    differences: list[str]
    seconds: float


def truth(data: Path = SHARED / "data") -> list[dict[str, Any]]:
    """The networks of the shared data, with their constructors and counts."""
    found: list[dict[str, Any]] = json.loads((data / "modules" / "counts.json").read_text())["models"]
    return found


def _home(name: str) -> ModuleType:
    if name in ("user_models", "U"):
        spec = importlib.util.spec_from_file_location("user_models", SHARED / "sketches" / "trace" / "user_models.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return importlib.import_module("torchvision.models" if name == "tvm" else name)


def constructed(text: str, device: str = "meta") -> nn.Module:
    """What a constructor of the shared data makes, on ``device`` where it can be made there."""
    make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = {name: _home(name) for name in ("U", "user_models", "timm", "torchvision", "tvm")}
        if "segmentation_models_pytorch" in text:
            names["segmentation_models_pytorch"] = _home("segmentation_models_pytorch")
        if "pytorchcv" in text:
            names["pytorchcv"] = _home("pytorchcv")
            _home("pytorchcv.model_provider")
        code = compile(text, "constructor", "eval")
        try:
            with torch.device(device):
                return eval(code, names)  # type: ignore[no-any-return]  # the shared data's own words
        except (RuntimeError, NotImplementedError):
            return eval(code, names)  # type: ignore[no-any-return]


def differences(module: nn.Module, expected: dict[str, Any]) -> list[str]:
    """Where our count and the truth disagree."""
    ours = count(module, tuple(expected["input"][1:]))
    pairs = {
        "flops": (ours.flops, expected["flops"]),
        "params": (ours.params, expected["params"]),
        "acts": (ours.acts, expected["acts"]),
        "products": (ours.products, expected["matmul_macs"]),
    }
    return [f"{name}: {got} is not {want}" for name, (got, want) in pairs.items() if got != want]


def rows(networks: list[dict[str, Any]]) -> Iterator[Row]:
    """A row for each network at each of its sizes."""
    for network in networks:
        module = constructed(network["constructor"])
        for size, expected in network["sizes"].items():
            begin = time.perf_counter()
            found = differences(module, expected)
            yield Row(network["name"], network["kind"], size, found, time.perf_counter() - begin)


def main(parts: list[str]) -> int:
    """Prints what differs and a table by kind; 1 where something does."""
    names = [part for part in parts if not part.startswith("--")]
    wanted = [network for network in truth() if not names or any(name in network["name"] for name in names)]
    if "--widened" in parts:
        from tests.traces import widened

        compared = dict(widened())
        for name, problem in compared.items():
            print(f"{name}: {problem or 'equal'}")
        return int(any(compared.values()))
    if "--forms" in parts:
        from tests.traces import forms

        return forms(wanted, numbers="--numbers" in parts)
    found, exact, seconds = Counter[str](), Counter[str](), []
    for row in rows(wanted):
        found[row.kind] += 1
        exact[row.kind] += not row.differences
        seconds.append(row.seconds)
        for line in row.differences:
            print(f"{row.name} at {row.size}: {line}")
    table = [{"kind": kind, "networks x sizes": found[kind], "exact": exact[kind]} for kind in found]
    table.append({"kind": "all", "networks x sizes": found.total(), "exact": exact.total()})
    print(report.render(report.Table(table, "Networks that others wrote"), "text"))
    print(f"median {1000 * sorted(seconds)[len(seconds) // 2]:.0f} ms a count")
    return int(found != exact)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Networks as Python files of torch alone: what they build costs what the network costs, and trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.exports import export
from complexity_theory.exports.torch import WIDTH, source
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import trace
from complexity_theory.scaling.realise import scale
from tests.detector import make
from tests.exported import module_of, ran
from tests.wilder_modules import WILD


@pytest.mark.parametrize("family", ["RegNetZ", "ResNet-RS", "EfficientNet", "MobileNetV3", "ConvNeXt", "VGG"])
def test_the_smallest_of_each_family(family: str) -> None:
    network = min((zoo.network(name) for name in zoo.names(family)), key=lambda network: network.complexity().flops)
    text = export(network, "torch")
    with torch.device("meta"):
        assert count(module_of(text), network.input()) == network.complexity()


# All of the zoo, under five strategies at 8 and 16 GF: python -m tests.exported --targets 8GF,16GF --to torch
@pytest.mark.parametrize(
    ("name", "strategy", "target"),
    [
        *(("RegNetY-500MF", "dWr", 8e9), ("EfficientNet-B0", "dwr", 16e9), ("ConvNeXt-Atto", "w", 8e9)),
        *(("ResNet-18-D", "dw", 16e9), ("MobileNetV3-Small", "dWr", 8e9), ("LCNet", "d", 8e9)),
    ],
)
def test_scaled_networks_as_files_cost_what_they_cost(name: str, strategy: str, target: float) -> None:
    assert ran(scale(zoo.network(name), strategy, target_flops=target).network, "torch").found == "equal"


def test_a_file_needs_torch_alone_and_trains_a_step(tmp_path: Path) -> None:
    network = trace(make(), (3, 64, 96), check=False, name="detector")
    path = tmp_path / "mine.py"
    path.write_text(source(network))
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__'); print('complexity_theory' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    first, imported = done.stdout.splitlines()
    assert first.startswith(f"{network.complexity().params:,} params, loss ")
    assert "complexity_theory" not in imported
    assert count(module_of(path.read_text()), (3, 64, 96)) == network.complexity()


def test_it_is_formatted_as_people_write(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(source(zoo.network("EfficientNet-B0")))
    checked = ["ruff", "check", "--isolated", "--select", "E,F,W,I", "--line-length", str(WIDTH + 20), str(path)]
    assert subprocess.run([Path(sys.executable).with_name(checked[0]), *checked[1:]]).returncode == 0
    assert "for _ in range(" in path.read_text()


@pytest.mark.parametrize("name", ["UNet", "two_inputs", "AttentionByFunctions", "Recurrence", "super_resolution"])
def test_traced_modules_as_files(name: str) -> None:
    make_wild, shapes = WILD[name]
    network = trace(make_wild(), *shapes, check=False)
    assert count(module_of(source(network)), *shapes) == network.complexity()


def test_what_is_not_whole_is_refused_with_the_reason() -> None:
    make_wild, shapes = WILD["standardised_weights"]
    with pytest.raises(InvalidInput, match="cannot be written as it is: weights that are computed"):
        source(trace(make_wild(), *shapes, check=False))
    with pytest.raises(InvalidInput, match="a traced one goes to torch or json"):
        export(trace(make(), (3, 64, 96), check=False), "pycls")

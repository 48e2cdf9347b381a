"""What is said of the place and the conditions of a measurement."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psutil
import pytest
import torch

from complexity_theory.measurement import environment
from complexity_theory.measurement.hardware import Cpu
from complexity_theory.measurement.jobs import Settings, identity
from complexity_theory.measurement.workload import configure


class Gpu(Cpu):
    """A CUDA device by name alone."""

    torch_device = torch.device("cuda", 1)


def test_the_place_of_a_cpu() -> None:
    place = environment.describe(Cpu())
    assert place["device"] == "cpu"
    assert place["device_name"] == place["cpu"] != ""
    assert (place["driver"], place["cuda"], place["cudnn"]) == (None, None, None)
    assert place["threads"] == torch.get_num_threads()
    assert type(place["torch"]) is str  # torch's own type would make whoever reads it import torch
    assert place["torch"] == torch.__version__


def test_the_place_is_the_same_every_time_and_its_conditions_are_not_part_of_it() -> None:
    first, second = environment.describe(Cpu(), 2), environment.describe(Cpu(), 2)
    assert identity(first) == identity(second) != identity(environment.describe(Cpu(), 3))
    assert not set(first) & set(environment.conditions(Cpu()))


def test_conditions_say_load_clocks_flags_and_commit() -> None:
    found = environment.conditions(Cpu())
    json.dumps(found)
    assert found["load"] == pytest.approx(psutil.getloadavg()[0], abs=5)
    assert found["version"] == "0.1.0"
    assert 0 < found["memory_available"] <= psutil.virtual_memory().total
    root = Path(__file__).resolve().parents[1]
    if (root / ".git").exists():
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        )
        assert found["commit"].removesuffix("-dirty") == head.stdout.strip()


@pytest.mark.parametrize(("dtype", "precision", "allowed"), [("fp32", "highest", False), ("tf32", "high", True)])
def test_flags_are_those_of_the_job(dtype: str, precision: str, allowed: bool) -> None:
    before = (
        torch.get_num_threads(),
        torch.backends.cudnn.benchmark,
        torch.backends.cudnn.allow_tf32,
        torch.get_float32_matmul_precision(),
    )
    try:
        configure(Settings(dtype=dtype), threads=1)
        flags = environment.conditions(Cpu())["flags"]
        assert flags["matmul_precision"] == precision
        assert flags["cudnn_allow_tf32"] == allowed
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = before[1:3]
        torch.set_float32_matmul_precision(before[3])


def test_a_gpu_is_asked_by_torch_and_nvidia_smi(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def smi(command: list[str]) -> str:
        asked.append(command)
        return "answer"

    monkeypatch.setattr(environment, "_output", smi)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    place, now = environment.describe(Gpu()), environment.conditions(Gpu())
    assert (place["device"], place["device_name"], place["driver"]) == ("cuda", "GPU 1", "answer")
    assert now["device_mhz"] == "answer"
    assert ["--id=1" in command for command in asked[:2]] == [True, True]


def test_programs_that_are_not_there_or_fail_say_nothing() -> None:
    assert environment._output(["no-such-program"]) is None
    assert environment._output(["false"]) is None
    assert environment._output(["echo", "yes"]) == "yes"

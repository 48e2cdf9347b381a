"""Where a measurement was made: what identifies the place, and the conditions at the time."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import torch

from complexity_theory.measurement.hardware import Device


def describe(device: Device, threads: int | None = None) -> dict[str, Any]:
    """What a time depends on and does not change from run to run; jobs are keyed by it.

    Keys: device ("cpu", "cuda"), device_name, driver, cuda, cudnn (None on a CPU), torch, threads, cpu, cpus (cores
    that may be used), system. ``threads``: of torch (default: as torch has them).

    >>> from complexity_theory.measurement.hardware import Cpu
    >>> describe(Cpu(), threads=2)["threads"]
    2
    """
    place = device.torch_device
    on_cuda = place.type == "cuda"
    return {
        "device": place.type,
        "device_name": torch.cuda.get_device_name(place) if on_cuda else _cpu_name(),
        "driver": _driver(place.index or 0) if on_cuda else None,
        "cuda": torch.version.cuda if on_cuda else None,
        "cudnn": torch.backends.cudnn.version() if on_cuda else None,  # type: ignore[no-untyped-call]
        "torch": str(torch.__version__),
        "threads": threads or torch.get_num_threads(),
        "cpu": _cpu_name(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def conditions(device: Device) -> dict[str, Any]:
    """What may differ from one round to the next: kept with each.

    Keys: started (UTC), host, load (running processes, mean of the last minute), cpu_mhz and device_mhz (None where
    they cannot be read), memory_available (bytes), flags, python, version (None where it is
    not installed) and commit of this package.
    """
    on_cuda = device.torch_device.type == "cuda"
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "load": psutil.getloadavg()[0],
        "cpu_mhz": _cpu_mhz(),
        "device_mhz": _nvidia_smi("clocks.sm", device.torch_device.index or 0) if on_cuda else None,
        "memory_available": psutil.virtual_memory().available,
        "flags": {
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "cudnn_benchmark_limit": torch.backends.cudnn.benchmark_limit,
            "cudnn_allow_tf32": torch.backends.cudnn.allow_tf32,
            "matmul_precision": torch.get_float32_matmul_precision(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
        },
        "python": platform.python_version(),
        "version": _version(),
        "commit": _commit(),
    }


def _cpu_mhz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (AttributeError, NotImplementedError, OSError):  # what psutil has where a system does not say
        return None
    return frequency.current if frequency else None


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def _driver(index: int) -> str | None:
    return _nvidia_smi("driver_version", index)


def _nvidia_smi(field: str, index: int) -> str | None:
    return _output(["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits", f"--id={index}"])


def _version() -> str | None:
    """The version of this package, or None where it runs from a checkout that is not installed."""
    try:
        return version("complexity-theory")
    except PackageNotFoundError:
        return None


@cache
def _commit() -> str | None:
    return _output(["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"])


def _output(command: list[str]) -> str | None:
    """What a program says, or None where there is no such program or it fails."""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None

"""A device measured within a budget: in order of value, cut at its end, gone on with; under a fake CUDA device."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.fitting import fit_profile
from complexity_theory.evidence.loaders import load_table, settings
from complexity_theory.measurement import device_study, environment, jobs, paced, worker
from complexity_theory.measurement.frame import read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, LayerSubject, Settings, Task
from complexity_theory.measurement.paced import Paced
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.resident import Resident
from complexity_theory.measurement.studies import Study
from tests.fake_device import FakeDevice
from tests.fake_engine import CONDITIONS, PLACE, RULES, FakeEngine, Silent, measured
from tests.test_cli_measure import command

CUDA = {**PLACE, "device": "cuda", "device_name": "fake GPU"}


class FakeGpu(FakeEngine):
    """A GPU as fast as those of today: each round takes three seconds, its compiler is slow unless asked ahead."""

    def __init__(self, seconds: float) -> None:
        super().__init__(self.timed)
        self.left, self.compiled = seconds, list[Task]()

    def timed(self, task: Task) -> Outcome:
        if not task.job.subject.timed:
            return Outcome("ok", result={"epochs": [], "error": 0.1, "conditions": CONDITIONS})
        flops, acts = (task.job.description[name] or 1 for name in ("flops", "acts"))
        return measured(task, [task.batch * (2e-14 * flops + 1.5e-11 * acts)] * 5)

    def describe(self) -> dict[str, Any]:
        return CUDA

    def ahead(self, tasks: Sequence[Task], rules: Protocol, place: Mapping[str, Any], *, limit: float) -> None:
        assert place == CUDA
        self.compiled += tasks
        self.left -= 30

    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        waiting = iter(tasks)
        while self.left > 0 and (task := next(waiting, None)) is not None:
            self.left -= 3
            self.ran.append(task)
            yield task, self.answer(task)


def test_a_device_is_measured_in_order_of_value_and_gone_on_with(tmp_path: Path) -> None:
    path, planned = tmp_path / "m.sqlite", device_study.study("cuda")
    order = [job.key for job in planned.jobs]
    ran = []
    for _ in range(20):
        engine = FakeGpu(180)
        done = device_study.measure(planned, path, engine, Silent())  # type: ignore[arg-type]
        ran += engine.ran
        if not done.rounds:
            break
        assert 0 < len(engine.ran) <= 60
        assert done.done == min(len(order), len({t.job.key for t in ran} & set(order)))
    assert done.done == done.jobs == len(order)
    first = [task for task in ran if task.number == 0]
    assert [str(task.job) for task in first[:2]] == ["ceiling: matmul 8192 b1 fp16", "ceiling: copy 16384 b1 fp16"]
    assert [task.job.key for task in first if task.job.key in order] == order
    rounds = [task.number for task in ran if task.job.subject.timed]
    assert rounds == sorted(rounds)
    assert max(rounds) == 1
    frame = read(path)
    assert set(frame["execution"]) == {"eager", "compiled"}


def test_the_compiler_is_asked_ahead_once_and_before_its_jobs(tmp_path: Path) -> None:
    path, planned = tmp_path / "m.sqlite", device_study.study("cuda")
    engine = FakeGpu(2000)
    device_study.measure(planned, path, engine, Silent())  # type: ignore[arg-type]
    compiled = [job for job in planned.jobs if job.settings.execution == "compiled"]
    assert [task.job for task in engine.compiled] == compiled
    again = FakeGpu(2000)
    device_study.measure(planned, path, again, Silent())  # type: ignore[arg-type]
    assert again.compiled == again.ran == []


def test_profiles_of_every_setting_come_from_the_store(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    device_study.measure(device_study.study("cuda"), path, FakeGpu(2000), Silent())  # type: ignore[arg-type]
    found = settings(path)
    assert {(s["mode"], s["layout"], s["execution"], s["regime"]) for s in found} == {
        ("forward", "nchw", "eager", "throughput"),
        ("train", "nchw", "eager", "throughput"),
        ("forward", "channels_last", "eager", "throughput"),
        ("forward", "nchw", "eager", "latency"),
        ("train", "channels_last", "eager", "throughput"),
        ("forward", "nchw", "compiled", "throughput"),
    }
    for setting in found:
        profile = fit_profile(load_table(str(path), setting=setting), "fake")
        assert profile.n >= 8, setting
        assert profile.architecture.low < 1 < profile.architecture.high, setting
    with pytest.raises(InvalidInput, match=r"regime=\.\.\. of latency, throughput"):
        load_table(str(path))


class Gpu(FakeDevice):
    """Whose modules launch their work on it."""

    def __init__(self) -> None:
        super().__init__(cold=1)


def test_a_round_under_a_fake_device_is_timed_by_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu()
    monkeypatch.setattr(worker, "device", lambda name: gpu)
    monkeypatch.setattr(environment, "describe", lambda device, threads: PLACE)
    monkeypatch.setattr(environment, "conditions", lambda device: CONDITIONS)
    monkeypatch.setattr(worker, "_bound_memory", lambda: None)
    monkeypatch.setattr(worker, "configure", lambda settings, threads, algorithms: None)
    monkeypatch.setattr(worker, "phases", lambda module, x, settings: {"forward": gpu.launch, "backward": gpu.launch})
    job = Job(LayerSubject(8, 3, None, 8), Settings(mode="backward"))
    task = Task(job=job, number=0, batch=1, device="cuda", threads=torch.get_num_threads())
    result = worker.measure(task, Protocol(min_time=0.1, max_time=0.2), PLACE)
    assert result["samples"] == pytest.approx([0.02] * len(result["samples"]), rel=0.02)
    assert result["device_samples"] == pytest.approx([0.02] * len(result["samples"]), rel=0.02)
    assert result["shares"] == pytest.approx({"forward": 0.5, "backward": 0.5}, rel=0.02)
    assert result["peak_memory"] == 100
    # The peak is that of one more step: reset when all is done, read when that step is.
    assert gpu.log[-6:] == ["synchronize", "reset_peak", "launch", "launch", "synchronize", "peak"]
    # Nothing is read from the host's clock, but when the device has done its work and has marked it.
    for before, what in zip(gpu.log[:-1], gpu.log[1:], strict=True):
        assert what != "now" or before == "record"


def test_an_engine_begins_nothing_after_its_end() -> None:
    now = [0.0]
    engine = Paced("cpu", 1, seconds=10, clock=lambda: now[0])
    ran = []

    class Worker:
        def call(self, function: str, task: Task, rules: Protocol, place: Any, *, limit: float) -> Outcome:
            ran.append((task.number, limit))
            now[0] += 4
            return Outcome("ok") if now[0] <= 10 else Outcome("timeout", "late")

        def close(self) -> None:
            return

        kill = close

    engine._workers = [Worker()]  # type: ignore[list-item]
    job = Job(LayerSubject(8, 3, None, 8))
    tasks = [Task(job=job, number=i, batch=1, device="cpu", threads=1) for i in range(5)]
    done = [task.number for task, _ in engine.run(tasks, Protocol(limit=100), {})]
    assert done == [0, 1]  # the third was cut off, and the fourth not begun
    assert ran == [(0, 10), (1, 6)] or ran == [(0, 10), (1, 6), (2, 2)]
    assert now[0] - 8 <= paced.LEAST + 4


def test_a_worker_lives_on_until_it_fails() -> None:
    worker = Resident()
    first, second = (worker.call("tests.test_device_study:pid", limit=60).result["pid"] for _ in range(2))
    assert first == second
    assert worker.call("tests.fake_engine:die", limit=60).reason == "the worker died of signal SIGSEGV"
    third = worker.call("tests.test_device_study:pid", limit=60).result["pid"]
    assert worker.call("tests.fake_engine:hang", limit=0.5).reason == "no result within 0.5 s"
    fourth = worker.call("tests.test_device_study:pid", limit=60).result["pid"]
    assert len({first, third, fourth}) == 3
    worker.close()


def pid() -> dict[str, int]:
    """Of the process that runs it."""
    import os

    return {"pid": os.getpid()}


def test_the_command_measures_what_is_missing_and_says_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    layers = [Job(LayerSubject(8 * i, 3, None, 8)) for i in (1, 2, 3)]
    rules = Protocol(rounds=1, warmup=0.1, min_time=0.01, max_time=0.02, budget=1e-6)
    monkeypatch.setitem(jobs._SIDES, "cpu", {"matmul": 64, "copy": 64})
    monkeypatch.setattr(device_study, "study", lambda kind: Study(tuple(layers), rules))
    arguments = ["measure", "device", "--device", "cpu", "--threads", "1", "--store", tmp_path / "m.sqlite"]
    assert command(*arguments, "--budget", "2m", "--format", "json") == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["jobs"], found["done"], found["rounds"]) == (3, 3, 5)
    assert found["ceilings"][0]["dtype"] == "fp32"
    assert found["failed"] == found["profiles"] == []
    assert command(*arguments) == 0
    assert "nothing to do: all 3 jobs" in capfd.readouterr().err
    assert command(*arguments, "--budget", "later") == 2
    assert "'later'" in capfd.readouterr().err


def test_a_budget_too_short_leaves_the_rest_for_another_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(device_study, "study", lambda kind: Study((Job(LayerSubject(8, 3, None, 8)),), RULES))
    arguments = ["measure", "device", "--device", "cpu", "--store", tmp_path / "m.sqlite"]
    assert command(*arguments, "--budget", "0.1s") == 0
    assert "0 of 1 jobs are in" in capfd.readouterr().err

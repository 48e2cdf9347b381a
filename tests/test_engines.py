"""Real workers: what is timed is what was analysed; crashes and hangs become rows; Ray loses and doubles nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import worker
from complexity_theory.measurement.engines import Engine, Local, Ray
from complexity_theory.measurement.frame import read
from complexity_theory.measurement.isolate import Outcome, isolated
from complexity_theory.measurement.jobs import Job, LayerSubject, Settings, Subject, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import expand
from complexity_theory.measurement.sweep import run, with_ceilings
from complexity_theory.measurement.training import results
from tests.fake_engine import Silent
from tests.fake_images import tiny

RULES = Protocol(rounds=2, warmup=1.0, min_time=0.01, max_time=0.02, budget=0.02, limit=60.0)


@pytest.fixture(scope="module")
def local() -> Local:
    return Local("cpu", threads=1)


@pytest.fixture(scope="module")
def place(local: Local) -> dict[str, Any]:
    return local.describe()


def task(job: Job, place: dict[str, Any]) -> Task:
    return Task(job=job, number=0, batch=job.settings.batch, device="cpu", threads=place["threads"])


def swept(path: Path, jobs: list[Job], engine: Engine, rules: Protocol, reporter: Silent | None = None) -> pd.DataFrame:
    """The frame of a sweep, by the names of the jobs."""
    store = Store(path)
    run(jobs, store, engine, rules, reporter or Silent(), place=engine.describe())
    store.close()
    return read(path).set_index("network")


@pytest.mark.parametrize(
    ("function", "status", "reason"),
    [
        ("tests.fake_engine:hang", "timeout", "no result within 2 s"),
        ("tests.fake_engine:die", "crashed", "the worker died of signal SIGSEGV"),
        ("tests.fake_engine:allocate", "oom", "DefaultCPUAllocator"),
        ("tests.fake_engine:absent", "failed", "absent"),
        ("os:_exit", "crashed", "exit code 3"),
    ],
)
def test_whatever_becomes_of_a_worker_there_is_an_outcome(function: str, status: str, reason: str) -> None:
    outcome = isolated(function, *([3] if function == "os:_exit" else []), limit=2.0 if status == "timeout" else 60.0)
    assert (outcome.status, reason in outcome.reason) == (status, True)
    assert "\n" not in outcome.reason


@pytest.mark.usefixtures("place")
def test_a_hanging_worker_is_gone_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    assert isolated("tests.fake_engine:pid_of_child", str(file), limit=3.0).status == "timeout"
    assert not psutil.pid_exists(int(file.read_text()))


def test_a_sweep_survives_its_jobs(tmp_path: Path, local: Local) -> None:
    modules = ["Fine", "Crashing", "not_a_module", "absent"]
    jobs = expand({"modules": [f"tests.fake_modules:{name}" for name in modules], "inputs": "3x8x8"})
    greedy = expand({"modules": "tests.fake_modules:Greedy", "inputs": "3x8x8", "batches": ["auto:16", 16]})
    hanging = expand({"modules": "tests.fake_modules:Hanging", "inputs": "3x8x8"})
    swept(tmp_path / "m.sqlite", hanging, local, replace(RULES, limit=3.0))
    frame = swept(tmp_path / "m.sqlite", [*jobs, *greedy, *hanging], local, RULES)
    frame.index = frame.index.str.removeprefix("tests.fake_modules:")
    assert frame["status"].to_dict() | {"Greedy": None} == {
        "Fine": "ok",
        "Hanging": "timeout",
        "Crashing": "crashed",
        "not_a_module": "failed",
        "absent": "failed",
        "Greedy": None,
    }
    assert "not a torch.nn.Module" in frame.loc["not_a_module", "reason"]
    greedy_rows = frame.loc["Greedy"].set_index("search")
    assert greedy_rows.loc[True, ["status", "batch"]].tolist() == ["ok", 4]
    assert greedy_rows.loc[False, ["status", "batch"]].tolist() == ["oom", 16]
    fine = frame.loc["Fine"]
    assert (fine["flops"], fine["params"], fine["acts"]) == (3 * 9 * 8 * 36 + 8 * 36, 224, 8 * 36)
    assert fine["rounds"] == 2


def test_the_counts_of_the_module_timed_are_kept_and_checked(local: Local, place: dict[str, Any]) -> None:
    (job,) = expand({"networks": "RegNetZ-500MF", "resolutions": 32})
    outcome = next(local.run([task(job, place)], RULES, place))[1]
    assert outcome.status == "ok", outcome.reason
    assert outcome.result["counts"] == {metric: job.description[metric] for metric in ("flops", "params", "acts")}

    wrong = Job(job.subject)
    wrong.__dict__["description"] = {**job.description, "acts": job.description["acts"] + 1}
    outcome = next(local.run([task(wrong, place)], RULES, place))[1]
    assert outcome.status == "failed"
    assert f"has {job.description['acts']} acts, the analysis says {job.description['acts'] + 1}" in outcome.reason


def test_a_worker_elsewhere_fails_and_says_so(local: Local, place: dict[str, Any]) -> None:
    (job,) = expand({"layers": "conv", "widths": 8, "resolutions": 8})
    outcome = next(local.run([task(job, place)], RULES, {**place, "device_name": "another"}))[1]
    assert outcome.status == "failed"
    assert "'another'" in outcome.reason


def test_a_round_says_all_there_is_to_know(local: Local, place: dict[str, Any]) -> None:
    (job,) = expand({"layers": "conv", "widths": 8, "resolutions": 8, "modes": "train", "batches": 2})
    outcome = next(local.run([task(job, place)], RULES, place))[1]
    assert outcome.status == "ok", outcome.reason
    result = outcome.result
    assert len(result["samples"]) == len(result["device_samples"]) > 0
    assert result["samples"] == pytest.approx(result["device_samples"], rel=0.2, abs=1e-5)
    assert set(result["shares"]) == {"forward", "backward", "optimizer"}
    assert sum(result["shares"].values()) == pytest.approx(1)
    assert result["peak_memory"] > 10**7
    assert result["conditions"]["flags"]["matmul_precision"] == "highest"
    assert place["threads"] == 1


def test_every_kind_of_subject_becomes_a_module() -> None:
    fallback = worker.to_module.dispatch(object)
    kinds = {kind.__name__: kind for kind in Subject.__subclasses__() if kind.timed}
    assert len(kinds) == 4
    assert all(worker.to_module.dispatch(kind) is not fallback for kind in kinds.values())
    with pytest.raises(InvalidInput, match="add one with"):
        fallback("a text", Settings())


def test_ceilings_are_measured_like_any_job(local: Local, place: dict[str, Any]) -> None:
    for job in with_ceilings([Job(LayerSubject(8, 3, None, 8), Settings(dtype="bf16"))], place)[:2]:
        small = Job(replace(job.subject, side=64), job.settings)  # type: ignore[type-var]
        outcome = next(local.run([task(small, place)], RULES, place))[1]
        assert outcome.status == "ok", outcome.reason


def test_a_device_that_is_not_there_is_bad_input() -> None:
    with pytest.raises(InvalidInput, match="'cuda:99'"):
        Local("cuda:99").describe()


class Killer(Silent):
    """Kills one of Ray's workers, in the midst of its task, once."""

    killed = False

    def end(self, task: Task, outcome: Outcome) -> None:
        if not self.killed:
            time.sleep(0.5)
            busy = [p for p in psutil.Process().children(recursive=True) if p.name().startswith("ray::isolated")]
            busy[0].kill()
            self.killed = True


@pytest.fixture(scope="module")
def cluster() -> Iterator[Ray]:
    engine = Ray("cpu", threads=1, workers=2)
    yield engine
    engine.close()


@pytest.mark.xdist_group("ray")
def test_ray_loses_and_doubles_nothing_where_a_worker_is_killed(tmp_path: Path, cluster: Ray) -> None:
    jobs = expand({"modules": "tests.fake_modules:Slow", "inputs": [f"3x8x{8 + i}" for i in range(4)]})
    rules = replace(RULES, warmup=2.0, rounds=1)
    killer = Killer()
    frame = swept(tmp_path / "m.sqlite", jobs, cluster, rules, killer)
    assert killer.killed
    assert frame["status"].tolist() == ["ok"] * 4
    assert frame["rounds"].tolist() == [1] * 4
    store = Store(tmp_path / "m.sqlite")
    assert run(jobs, store, cluster, rules, Silent(), place=cluster.describe()) == 0
    store.close()


@pytest.mark.xdist_group("ray")
def test_ray_trains_from_checkpoints_too(tmp_path: Path, cluster: Ray) -> None:
    jobs = [tiny(tmp_path, tmp_path / "checkpoints", seed=seed) for seed in range(2)]
    store = Store(tmp_path / "m.sqlite")
    assert run(jobs, store, cluster, RULES, Silent(), place=cluster.describe(), seed=None) == 2
    store.close()
    frame = results.runs(tmp_path / "m.sqlite")
    assert frame["status"].tolist() == ["ok", "ok"]
    assert len(list((tmp_path / "checkpoints").glob("*.pt"))) == 2

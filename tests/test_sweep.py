"""Sweeps: which jobs, which round next, in what order; files of sweeps."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import engines, studies
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, LayerSubject, NetworkSubject, Settings, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import expand, load_study
from complexity_theory.measurement.sweep import measure, run, stored, with_ceilings
from complexity_theory.zoo import find
from tests.fake_engine import PLACE, RULES, FakeEngine, Silent, jobs, measured

LAYER = LayerSubject(width=64, kernel=3, group_width=None, resolution=56)


def sweep(path: Path, planned: list[Job], engine: FakeEngine, *, seed: int = 0, rules: Protocol = RULES) -> int:
    store = Store(path)
    try:
        return run(planned, store, engine, rules, Silent(), place=PLACE, seed=seed)
    finally:
        store.close()


def test_rounds_are_interleaved_in_an_order_drawn_from_the_seed(tmp_path: Path) -> None:
    orders = []
    for i, seed in enumerate((0, 0, 1)):
        engine = FakeEngine()
        assert sweep(tmp_path / f"{i}.sqlite", jobs(8), engine, seed=seed) == 16
        first, second = engine.ran[:8], engine.ran[8:]
        assert [task.number for task in engine.ran] == [0] * 8 + [1] * 8
        assert {task.job for task in first} == {task.job for task in second} == set(jobs(8))
        assert [task.job for task in first] != [task.job for task in second]
        orders.append([task.job.key for task in engine.ran])
    assert orders[0] == orders[1] != orders[2]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    assert sweep(tmp_path / "m.sqlite", jobs(3), FakeEngine()) == 6
    assert sweep(tmp_path / "m.sqlite", jobs(3), FakeEngine()) == 0
    engine = FakeEngine()
    assert sweep(tmp_path / "m.sqlite", jobs(4), engine) == 2
    assert {task.job for task in engine.ran} == {jobs(4)[3]}


def test_a_job_in_another_environment_is_another_measurement(tmp_path: Path) -> None:
    store = Store(tmp_path / "m.sqlite")
    for name in ("here", "there"):
        assert run(jobs(1), store, FakeEngine(), RULES, Silent(), place={**PLACE, "device_name": name}) == 2
    store.close()


def test_a_noisy_job_gets_more_rounds_until_its_budget_is_spent(tmp_path: Path) -> None:
    noisy = FakeEngine(lambda task: measured(task, [0.05, 0.1] * 2))
    sweep(tmp_path / "m.sqlite", jobs(1), noisy, rules=Protocol(rounds=2, budget=1.0))
    assert len(noisy.ran) == 4  # of 0.3 s each
    calming = FakeEngine(lambda task: measured(task, [0.01, 0.02, 0.01, 0.02] if task.number == 0 else [0.01] * 16))
    sweep(tmp_path / "n.sqlite", jobs(1), calming, rules=Protocol(rounds=1, budget=10.0))
    assert len(calming.ran) == 2


@pytest.mark.parametrize("status", ["failed", "crashed", "timeout", "oom"])
def test_a_failure_ends_its_job_and_not_the_sweep(tmp_path: Path, status: str) -> None:
    bad = jobs(3)[1]

    def answer(task: Task) -> Outcome:
        return Outcome(status, "why") if task.job == bad else measured(task)  # type: ignore[arg-type]

    engine = FakeEngine(answer)
    assert sweep(tmp_path / "m.sqlite", jobs(3), engine) == 5
    assert Counter(task.job for task in engine.ran)[bad] == 1
    assert sweep(tmp_path / "m.sqlite", jobs(3), engine) == 0


def test_failures_can_be_forgotten_and_run_again(tmp_path: Path) -> None:
    sweep(tmp_path / "m.sqlite", jobs(2), FakeEngine(lambda task: Outcome("crashed", "why")))
    store = Store(tmp_path / "m.sqlite")
    store.forget_failures(jobs(1), store.add_environment(PLACE))
    store.close()
    engine = FakeEngine()
    assert sweep(tmp_path / "m.sqlite", jobs(2), engine) == 2
    assert {task.job for task in engine.ran} == set(jobs(1))


def fits_up_to(largest: int) -> FakeEngine:
    return FakeEngine(lambda task: measured(task) if task.batch <= largest else Outcome("oom", "none left"))


def test_out_of_memory_halves_a_searched_batch(tmp_path: Path) -> None:
    engine = fits_up_to(10)
    sweep(tmp_path / "m.sqlite", [Job(LAYER, Settings(batch=64, search=True))], engine)
    assert [task.batch for task in engine.ran] == [64, 32, 16, 8, 8]


def test_out_of_memory_at_one_image_or_a_fixed_batch_ends_the_job(tmp_path: Path) -> None:
    engine = fits_up_to(0)
    sweep(tmp_path / "m.sqlite", [Job(LAYER, Settings(batch=4, search=True)), Job(LAYER, Settings(batch=4))], engine)
    assert sorted(task.batch for task in engine.ran) == [1, 2, 4, 4]


def test_rounds_before_a_batch_was_halved_are_not_counted(tmp_path: Path) -> None:
    def answer(task: Task) -> Outcome:
        return Outcome("oom", "none left") if task.number == 1 else measured(task)

    engine = FakeEngine(answer)
    sweep(tmp_path / "m.sqlite", [Job(LAYER, Settings(batch=4, search=True))], engine)
    assert [task.batch for task in engine.ran] == [4, 4, 2, 2]


def test_keys_tell_jobs_apart_and_are_the_same_every_time() -> None:
    different = [
        *expand(
            {"networks": ["EfficientNet-B0", "ResNet-50"], "resolutions": [64, 224], "modes": ["forward", "train"]}
        ),
        *expand({"layers": ["conv", "group-conv", "depthwise-conv"], "kernels": [1, 3], "batches": [1, 2, "auto:2"]}),
        *expand({"modules": ["a.b:c", "a.b:d"], "inputs": ["3x8x8", "3x8x9"], "dtypes": ["fp32", "bf16"]}),
        *with_ceilings([], {"device": "cpu"}),
    ]
    assert len({job.key for job in different}) == len(different)
    assert [job.key for job in different[:8]] == [
        job.key
        for job in expand(
            {"networks": ["efficientnet_b0", "resnet50"], "resolutions": [64, 224], "modes": ["forward", "train"]}
        )
    ]


def test_the_base_is_one_job_for_all_strategies() -> None:
    found = expand({"networks": "EfficientNet-B0", "strategies": ["w", "dw"], "factors": [1, 2]})
    assert [(job.subject.strategy, job.subject.factor) for job in found if isinstance(job.subject, NetworkSubject)] == [
        ("base", 1),
        ("w", 2),
        ("dw", 2),
    ]


def test_a_scaled_network_reaches_its_factor_in_flops() -> None:
    (job,) = expand({"networks": "EfficientNet-B0", "strategies": "dWr", "factors": 4, "resolutions": 96})
    base = find("EfficientNet-B0").complexity(96)
    assert job.description["flops"] == pytest.approx(4 * base.flops, rel=0.1)
    assert job.description["base_resolution"] == 96
    assert job.description["resolution"] > 96


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "none of them"),
        ({"networks": [], "layers": []}, "networks and layers"),
        ({"networks": []}, "list of networks is empty"),
        ({"layers": "conv", "batches": []}, "list of batches is empty"),
        ({"layers": "conv", "widths": [[64]]}, r"width 1 must be an integer, not \[64\]"),
        ({"layers": [{}]}, "layer 1 must be text, not {}"),
        ({"networks": "ResNet-50", "strategies": "w"}, r"a strategy \(w\) needs factors"),
        ({"networks": "ResNet-50", "kernels": 3}, "unknown field 'kernels': one of batches"),
        ({"networks": 50}, "50"),
        ({"networks": "ResNet-50", "factors": 2}, "needs strategies"),
        ({"networks": "ResNet-50", "factors": "2", "strategies": "w"}, "'2'"),
        ({"networks": "ResNet-50", "factors": -1, "strategies": "w"}, "-1"),
        ({"layers": "dense"}, "'dense'"),
        ({"layers": "conv", "batches": 0}, "0"),
        ({"layers": "conv", "batches": "all"}, "'all'"),
        ({"layers": "conv", "batches": True}, "True"),
        ({"layers": "conv", "dtypes": "int8"}, "'int8'"),
        ({"modules": "torch.nn"}, "'torch.nn'"),
        ({"modules": "a:b", "inputs": "3x4"}, "'3x4'"),
        ({"modules": "a:b", "inputs": "3x²x4"}, "'3x²x4'"),
        ({"modules": "a:b", "inputs": f"3x4x{'9' * 5000}"}, "not '3x4x999"),
        ({"modules": "a/b.py"}, "'a/b.py'"),
        ({"modules": "a b:c"}, "'a b:c'"),
        ({"layers": "conv", "batches": "auto:²"}, "'auto:²'"),
        ({"layers": "conv", "batches": 10**7}, "batch must be a whole number from 1 to 1e"),
        ({"layers": "conv", "resolutions": -1}, "the resolution of a layer must be"),
        (
            {"networks": "ResNet-18", "resolutions": 2.5},
            "resolutions must be a whole number or .* not 2.5",
        ),
    ],
)
def test_bad_sweeps_say_what_is_wrong(table: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        expand(table)


@pytest.mark.parametrize("factor", [1e300, 1e-300, float("inf")])
def test_a_factor_out_of_reach_is_named(factor: float) -> None:
    (job,) = expand({"networks": "EfficientNet-B0", "strategies": "w", "factors": factor})
    with pytest.raises(InvalidInput, match=re.escape(f"EfficientNet-B0 by a factor of {factor:g}: ")):
        _ = job.key


class Refusing(FakeEngine):
    """Has no device, or finds no module."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self.refused = refused

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        return Outcome("failed", "why") if function == self.refused else super()._call(function, limit=limit)


@pytest.mark.parametrize(
    ("table", "refused", "said"),
    [
        ({"layers": "conv"}, engines.DESCRIBE, "no worker can run on device 'cpu': why"),
        ({"modules": "a:b"}, engines.CHECK, "no worker can load 'a:b': why"),
        ({"layers": "conv", "widths": "x"}, "", "'x'"),
        ({"networks": "EfficientNet-B0", "strategies": "w", "factors": 1e300}, "", "1e\\+300"),
    ],
)
def test_what_cannot_be_measured_leaves_no_file(
    tmp_path: Path, table: dict[str, object], refused: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        measure(studies.Study(tuple(expand(table)), RULES), tmp_path / "m.sqlite", Refusing(refused), Silent())
    assert not any(tmp_path.iterdir())


def test_a_plan_makes_no_file_and_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    assert stored(path, FakeEngine()) == {}
    assert not any(tmp_path.iterdir())
    sweep(path, jobs(2), FakeEngine())
    assert set(stored(path, FakeEngine())) == {job.key for job in jobs(2)}


@pytest.mark.parametrize("name", studies.names())
def test_the_studies_that_come_with_the_package_are_valid(name: str) -> None:
    study = load_study(name)
    assert len({job.key for job in study.jobs}) == len(study.jobs) > 10


def test_a_sweep_file_with_a_protocol(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        '[protocol]\nrounds = 5\n[[sweep]]\nlayers = "conv"\n[[sweep]]\nlayers = ["conv"]\nkernels = [1, 3]\n'
    )
    study = load_study(str(path))
    assert study.rules == Protocol(rounds=5)
    assert len(study.jobs) == 2


def test_a_sweep_file_may_name_modules_where_that_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[sweep]]\nmodules = ["a.b:c", "d/e.py:f"]\n')
    assert [job.subject.label for job in load_study(str(path), run_modules=True).jobs] == ["a.b:c", "d/e.py:f"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "bytes"])
def test_what_is_no_file_to_read_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.toml"
    if kind == "bytes":
        path.write_bytes(b"\xff\xfe")
    else:
        {"pipe": os.mkfifo, "folder": Path.mkdir, "loop": lambda path: path.symlink_to(path)}[kind](path)
    with pytest.raises(InvalidInput, match=r"mine\.toml( is no |: )"):
        load_study(str(path))


MANY = range(1, 30_000, 999)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("networks = 3", "unknown field 'networks': one of version, protocol, sweep"),
        ("[protocol]", "mine.toml: sweep is missing"),
        ("sweep = 3", r"sweep must be tables \[\[sweep\]\], not 3"),
        ("[protocol]\nround = 3\n[[sweep]]\nlayers = 'conv'", "protocol: unknown field 'round': one of rounds"),
        ("[protocol]\nrounds = 'x'\n[[sweep]]\nlayers = 'conv'", "'x'"),
        (
            "[protocol]\nrounds = 0\n[[sweep]]\nlayers = 'conv'",
            "mine.toml: rounds of a protocol must be a whole number from 1",
        ),
        ("[protocol]\nrounds = 1.5\n[[sweep]]\nlayers = 'conv'", "from 1 to 10,000, not 1.5"),
        ("[protocol]\nbudget = inf\n[[sweep]]\nlayers = 'conv'", "budget of a protocol must be a number from"),
        ("[protocol]\nbudget = nan\n[[sweep]]\nlayers = 'conv'", "budget of a protocol .* not nan"),
        (f"[[sweep]]\nlayers = 'conv'\nbatches = 0x{'F' * 5000}", "batch must be .* not a number of 6,021 digits"),
        (f"[[sweep]]\nlayers = '{'x' * 5000}'", "sweep 1: unknown layer"),
        ("[[sweep]]\nlayers = 'conv'\n[[sweep]]\nlayers = 'conv'\nwidths = 10000000", "sweep 2: the width of a layer"),
        (f"[[sweep]]\nlayers = 'conv'\nwidths = {[*range(1, 200)]}\nkernels = {[*range(1, 200)]}", "jobs of a sweep"),
        ("[[sweep]]\nmodules = 'a:b'", "names modules .a:b., whose code would run: --run-modules allows it"),
        pytest.param("[[sweep]]\nlayers = 'conv'\n" + "#" * 2**22, "more than 4,194,304 bytes of a", id="4 MiB"),
        ("version = 2\n[[sweep]]\nlayers = 'conv'", "version must be 1, the edition of studies known here, not 2"),
        (
            "\n".join(f"[[sweep]]\nlayers = 'conv'\nwidths = {[*range(n, n + 999)]}" for n in range(1, 30000, 999)),
            "jobs",
        ),
        ("[", "is no valid TOML"),
        (f"[[sweep]]\nlayers = 'conv'\nwidths = {'9' * 5000}", "a number has more than 4,300 digits$"),
        (
            "[[sweep]]\nnetworks = 'ResNet-18'\nstrategies = 'x'\nfactors = 2",
            "mine.toml, sweep 1: strategy 'x': 'x' is unknown",
        ),
        (f"sweep = {'[' * 100_000}", "it is nested too deeply"),
        ("[[sweep]]\nnetworks = []", "networks is empty"),
    ],
)
def test_bad_sweep_files_say_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        load_study(str(path))


def test_unknown_studies_name_the_known() -> None:
    with pytest.raises(InvalidInput, match="scaling-quick"):
        load_study("scalling")

"""Training runs: resumed ones equal uninterrupted ones bit for bit; what goes wrong is a row with its reason."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import isolate
from complexity_theory.measurement.jobs import Job
from complexity_theory.measurement.paced import Paced
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.sweep import run
from complexity_theory.measurement.training import checkpoint, loop, results
from complexity_theory.measurement.training.subject import TrainingSubject, checkpoint_of
from tests.fake_engine import Silent
from tests.fake_images import RECIPE, tiny
from tests.fake_training import RULES, known, place, task, train_to_be_killed


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Any:
    threads, algorithm = torch.get_num_threads(), torch.backends.cudnn.benchmark
    yield
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = algorithm


def stopped(job: Job, epochs: int) -> None:
    """A run that is stopped after some epochs."""
    subject = job.subject
    assert isinstance(subject, TrainingSubject)
    saved = []

    def save(path: Path, state: dict[str, Any]) -> None:
        checkpoint_save(path, state)
        saved.append(path)
        if len(saved) == epochs:
            raise KeyboardInterrupt

    checkpoint_save = checkpoint.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        with pytest.raises(KeyboardInterrupt):
            loop.train(task(job), RULES, place())


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    whole = loop.train(task(tiny(tmp_path)), RULES, place())
    job = tiny(tmp_path, tmp_path / "checkpoints")
    for epochs in (1, 2):
        stopped(job, epochs)
    torch.manual_seed(123)  # what the process did before is no matter
    resumed = loop.train(task(job), RULES, place())
    assert known(resumed) == known(whole)
    assert [row["epoch"] for row in resumed["epochs"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("lost", ["optimizer", "average", "epochs"])
def test_the_comparison_sees_what_a_checkpoint_lacks(tmp_path: Path, lost: str) -> None:
    whole = loop.train(task(tiny(tmp_path)), RULES, place())
    job = tiny(tmp_path, tmp_path / "checkpoints")
    stopped(job, 2)
    own = loop.TrainingRun.restore

    def restore(run: loop.TrainingRun, state: dict[str, Any]) -> None:
        own(run, {**state, lost: run.state()[lost]})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.TrainingRun, "restore", restore)
        assert known(loop.train(task(job), RULES, place())) != known(whole)


def test_seeds_differ_and_one_seed_does_not(tmp_path: Path) -> None:
    found = [loop.train(task(tiny(tmp_path, seed=seed)), RULES, place())["weights"] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


def test_a_run_learns(tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=20, shift=0, flip=False, crop=1.0, learning_rate=0.1)
    found = loop.train(task(tiny(tmp_path, recipe=recipe)), RULES, place())
    assert found["error"] < 0.2
    assert found["error_low"] < found["error"] < found["error_high"] or found["error"] == 0
    assert found["error_top5"] == 0  # of four classes


def stored(path: Path, jobs: list[Job], rules: Protocol = RULES, seconds: float = 300.0) -> int:
    engine, store = Paced("cpu", 1, seconds=seconds, processes=2), Store(path)
    try:
        return run(jobs, store, engine, rules, Silent(), place=engine.describe(), seed=None)
    finally:
        engine.close()
        store.close()


def test_what_goes_wrong_is_a_row_with_its_reason(tmp_path: Path) -> None:
    diverging = tiny(tmp_path, recipe=replace(RECIPE, name="hot", learning_rate=1e30))
    greedy = tiny(tmp_path, recipe=replace(RECIPE, name="greedy", batch=4096))
    path = tmp_path / "m.sqlite"
    assert stored(path, [diverging, greedy]) == 2
    endless = tiny(tmp_path, recipe=replace(RECIPE, name="endless", epochs=10**6))
    assert stored(path, [endless], replace(RULES, limit=6.0)) == 1
    frame = results.runs(path).set_index("recipe")
    assert frame["status"].to_dict() == {"hot": "failed", "greedy": "failed", "endless": "timeout"}
    assert "DivergedError: the loss is nan in epoch" in frame.loc["hot", "reason"]
    assert "a batch of 4096 is more than the 96 images" in frame.loc["greedy", "reason"]
    assert frame.loc["endless", "reason"] == "no result within 6 s"
    assert stored(path, [diverging, greedy, endless]) == 0


def end_when(reached: Callable[[], bool], engine: Paced) -> None:
    """Ends an engine once something has come about."""
    while not reached():
        time.sleep(0.01)
    engine.close()


def test_a_study_that_is_cut_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    recipe = replace(RECIPE, name="long", epochs=120)
    jobs = [tiny(tmp_path, tmp_path / "checkpoints", recipe, seed) for seed in range(2)]
    path = tmp_path / "m.sqlite"
    with ThreadPoolExecutor() as pool:
        engine, store = Paced("cpu", 1, processes=2), Store(path)
        pool.submit(end_when, lambda: len(list((tmp_path / "checkpoints").glob("*.pt"))) == 2, engine)
        ran = run(jobs, store, engine, RULES, Silent(), place=engine.describe(), seed=None)
        store.close()
    assert ran < 2
    assert stored(path, jobs) == 2
    frame = results.runs(path)
    assert frame["status"].tolist() == ["ok", "ok"]
    assert [len(epochs) for epochs in frame["epochs"]] == [120, 120]


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path: Path) -> None:
    job = tiny(tmp_path, tmp_path / "checkpoints")
    path = checkpoint_of(job.key, place(), str(tmp_path / "checkpoints"))
    checkpoint.save(path, {"epochs": []})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=f"^the checkpoint {path} is damaged .*remove it"):
        loop.train(task(job), RULES, place())


def was_killed(folder: Path, wait: float, further: bool) -> bool:
    """Starts the run and kills it; whether that was before its end.

    Some seconds after it has begun, or (``further``) after it has gone on by an epoch, however long that takes.
    """
    begun, out = folder / "begun", folder / "killed"
    begun.unlink(missing_ok=True)
    before = saved_at(folder)
    process = isolate.start(train_to_be_killed, str(folder), str(folder / "checkpoints"), str(out), str(begun))
    while not begun.exists() or (further and process.is_alive() and saved_at(folder) == before):
        time.sleep(0.002)
    process.join(wait)
    process.kill()
    process.join()
    code = process.exitcode
    process.close()
    return bool(code)


def test_a_run_killed_twenty_times_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_to_be_killed(str(tmp_path), "", str(whole), str(tmp_path / "begun"))
    draw, seen = random.Random(0), set[int]()
    for number in range(20):
        assert was_killed(tmp_path, draw.uniform(0, 0.15), further=number % 2 == 1), (
            "the run is too short to be killed twenty times"
        )
        state = checkpoint_state(tmp_path)
        seen.add(len(state["epochs"]) if state else 0)
    train_to_be_killed(str(tmp_path), str(tmp_path / "checkpoints"), str(killed), str(tmp_path / "begun"))
    assert json.loads(killed.read_text()) == json.loads(whole.read_text())
    assert len(seen) > 10  # it did go on in between


def checkpoint_state(tmp_path: Path) -> dict[str, Any] | None:
    """The checkpoint of the run, which is whole whenever it was killed."""
    files = list((tmp_path / "checkpoints").glob("*.pt"))
    return checkpoint.load_checkpoint(files[0], torch.device("cpu")) if files else None


def saved_at(tmp_path: Path) -> list[int]:
    """When the checkpoint of the run was written, if ever."""
    return [path.stat().st_mtime_ns for path in (tmp_path / "checkpoints").glob("*.pt")]

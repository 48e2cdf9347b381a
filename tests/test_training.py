"""Training runs: resumed ones equal uninterrupted ones bit for bit; what goes wrong is a row with its reason."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import environment
from complexity_theory.measurement.hardware import Cpu
from complexity_theory.measurement.jobs import Job, Task
from complexity_theory.measurement.paced import Paced
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.sweep import run
from complexity_theory.measurement.training import checkpoint, loop, results
from complexity_theory.measurement.training.subject import TrainingSubject, checkpoint_of
from tests.fake_engine import Silent
from tests.fake_images import RECIPE, tiny

ROOT = Path(__file__).resolve().parents[1]
RULES = Protocol(rounds=1, limit=120.0)
SAME = ("weights", "error", "error_low", "error_high", "error_top5", "counts")


def task(job: Job) -> Task:
    return Task(job=job, number=0, batch=job.settings.batch, device="cpu", threads=1)


def place() -> dict[str, Any]:
    return environment.describe(Cpu(), threads=1)


def known(result: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock."""
    epochs = [{name: row[name] for name in ("epoch", "loss", "error", "error_top5")} for row in result["epochs"]]
    return {**{name: result[name] for name in SAME}, "epochs": epochs}


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
    own = loop.Run.restore

    def restore(run: loop.Run, state: dict[str, Any]) -> None:
        own(run, {**state, lost: run.state()[lost]})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Run, "restore", restore)
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


def test_a_study_that_is_cut_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    recipe = replace(RECIPE, name="long", epochs=400)
    jobs = [tiny(tmp_path, tmp_path / "checkpoints", recipe, seed) for seed in range(2)]
    path = tmp_path / "m.sqlite"
    assert stored(path, jobs, seconds=9.0) == 0
    assert len(list((tmp_path / "checkpoints").glob("*.pt"))) == 2
    assert stored(path, jobs) == 2
    frame = results.runs(path)
    assert frame["status"].tolist() == ["ok", "ok"]
    assert [len(epochs) for epochs in frame["epochs"]] == [400, 400]


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path: Path) -> None:
    job = tiny(tmp_path, tmp_path / "checkpoints")
    path = checkpoint_of(job.key, place(), str(tmp_path / "checkpoints"))
    checkpoint.save(path, {"epochs": []})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInput, match=f"^the checkpoint {path} is damaged .*remove it"):
        loop.train(task(job), RULES, place())


def train_to_be_killed(place_of: str, checkpoints: str, out: str) -> None:
    """A run that says what came of it."""
    job = tiny(Path(place_of), checkpoints, replace(RECIPE, epochs=40))
    Path(out).write_text(json.dumps(known(loop.train(task(job), RULES, place()))))


def killed(tmp_path: Path, wait: float) -> bool:
    """Starts the run and kills it after a while; whether it was killed before its end."""
    code = "import sys; from tests.test_training import train_to_be_killed as run; run(*sys.argv[1:])"
    arguments = [str(tmp_path), str(tmp_path / "checkpoints"), str(tmp_path / "out")]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT)
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL

"""The front door of the measurement package."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from complexity_theory.cli import main
from complexity_theory.cli.measure_options import Execution
from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import jobs as job_module
from complexity_theory.measurement import progress
from complexity_theory.measurement.analysis import measured_exponents, repeatability
from complexity_theory.measurement.frame import read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import expand
from complexity_theory.measurement.sweep import run
from tests.fake_engine import PLACE, FakeEngine, Silent, jobs, measured

SHORT = ["--device", "cpu", "--threads", "1", "--rounds", "1", "--budget", "0.1"]
SMALL = ["--widths", "8", "--resolutions", "8", *SHORT]


def command(*arguments: object) -> int:
    """The exit code of the command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("main() returned")


def filled(path: Path, planned: list[Job], seconds: float | None = None) -> pd.DataFrame:
    """A store in which runtime grows with the acts, or is as told."""

    def answer(task: Task) -> Outcome:
        base = task.job.description["acts"] * 1e-8 if seconds is None else seconds
        return measured(task, [base * (1 + 0.01 * i) for i in range(5)])

    store = Store(path)
    run(planned, store, FakeEngine(answer), Protocol(rounds=3), Silent(), place=PLACE)
    store.close()
    return read(path)


def test_code_is_a_module(capfd: pytest.CaptureFixture[str]) -> None:
    assert command("measure", "network", "mine.py:make") == 2
    assert "`measure module mine.py:make`" in capfd.readouterr().err


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "scaled.sqlite"
    table = {"networks": "EfficientNet-B0", "strategies": ["w", "dw"], "factors": [1, 4, 16], "resolutions": 96}
    filled(path, expand(table))
    return path


def test_measured_exponents_stand_beside_those_of_the_counts(scaled: Path) -> None:
    found = measured_exponents(read(scaled), resamples=50).set_index("strategy")
    assert list(found.index) == ["w", "dw"]
    assert found.loc["w", "factors"] == [1, 4, 16]
    assert found["flops"].tolist() == pytest.approx([1, 1], abs=0.02)
    assert found.loc["w", "acts"] == pytest.approx(0.5, abs=0.05)
    assert found.loc["dw", "acts"] == pytest.approx(0.75, abs=0.1)
    assert found["runtime"].tolist() == pytest.approx(found["acts"].tolist(), abs=1e-6)
    assert ((found["low"] <= found["runtime"]) & (found["runtime"] <= found["high"])).all()
    assert ((found["high"] - found["low"]) < 0.05).all()


def test_the_interval_of_an_exponent_grows_with_the_noise_between_rounds(tmp_path: Path) -> None:
    planned = expand({"networks": "EfficientNet-B0", "strategies": "w", "factors": [1, 4], "resolutions": 32})
    widths = []
    for i, noise in enumerate((0.01, 0.1)):
        store = Store(tmp_path / f"{i}.sqlite")
        engine = FakeEngine(lambda task, noise=noise: measured(task, [1e-2 * (1 + noise * task.number)] * 4))
        run(planned, store, engine, Protocol(rounds=3, budget=0.01), Silent(), place=PLACE)
        store.close()
        (row,) = measured_exponents(read(tmp_path / f"{i}.sqlite"), resamples=200).to_dict("records")
        widths.append(row["high"] - row["low"])
    assert 0 < 3 * widths[0] < widths[1]


def planted(path: Path, exponents: dict[int, float], table: dict[str, object]) -> pd.DataFrame:
    """A store in which the time of an image grows with s as told, by batch."""

    def answer(task: Task) -> Outcome:
        factor = task.job.description["factor"]
        return measured(task, [1e-2 * task.batch * factor ** exponents[task.batch]] * 4)

    store = Store(path)
    run(expand(table), store, FakeEngine(answer), Protocol(rounds=1, budget=0.01), Silent(), place=PLACE)
    store.close()
    return read(path)


def test_exponents_at_two_batches_are_two(tmp_path: Path) -> None:
    table = {"networks": "EfficientNet-B0", "strategies": "w", "factors": [1, 2, 4], "resolutions": 32}
    frame = planted(tmp_path / "m.sqlite", {1: 1.0, 64: 0.2}, {**table, "batches": [1, 64]})
    found = measured_exponents(frame, resamples=20).set_index("batch")["runtime"]
    assert found.to_dict() == {1: pytest.approx(1.0), 64: pytest.approx(0.2)}
    pooled = measured_exponents(frame.assign(batch=frame["batch"] * 0 + 1), resamples=20)["runtime"]
    assert pooled.tolist() != [pytest.approx(1.0)]


def test_a_series_has_the_network_itself(tmp_path: Path) -> None:
    table = {"networks": "EfficientNet-B0", "strategies": "w", "factors": [2, 4], "resolutions": 32}
    with pytest.raises(InvalidInput, match="as it is and scaled, at the same batch"):
        measured_exponents(planted(tmp_path / "m.sqlite", {1: 1.0}, table))


def test_a_store_without_a_series_has_no_exponents(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="measure scaling"):
        measured_exponents(filled(tmp_path / "m.sqlite", jobs(2)))


def test_repeatability_is_the_spread_of_medians(tmp_path: Path) -> None:
    runs = [filled(tmp_path / f"{i}.sqlite", jobs(3 - i // 2), seconds=1 + 0.05 * i) for i in range(3)]
    rows = repeatability(runs)
    assert len(rows) == 2  # the third job is in two runs only
    assert rows["spread"].tolist() == pytest.approx([0.1 / 1.05] * 2, rel=1e-6)
    with pytest.raises(InvalidInput, match="not 1"):
        repeatability(runs[:1])
    with pytest.raises(InvalidInput, match="no job"):
        repeatability([runs[0], runs[1].assign(environment="elsewhere")])


def test_verify_prints_measured_exponents_beside_the_tables(
    scaled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("complexity_theory.measurement.verify.TABLES", {})
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--timed", str(scaled), "--format", "json"])
    assert ended.value.code == 0
    timed = json.loads(capsys.readouterr().out)["timed"]
    assert [row["strategy"] for row in timed] == ["w", "dw"]
    assert all(row["low"] <= row["runtime"] <= row["high"] for row in timed)


def test_exponents_and_repeatability_as_json(scaled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("measure", "exponents", scaled, "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"network", "strategy", "flops", "params", "acts", "runtime", "low", "high"} <= set(rows[0])
    assert command("measure", "repeatability", scaled, scaled, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["runs"], found["within_10_percent"], len(found["rows"])) == (2, 1.0, 5)


def test_export_is_one_row_per_job(scaled: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command("measure", "export", scaled, "--format", "csv") == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert len(frame) == 5
    assert {"flops", "params", "acts", "median", "p25", "p75", "n", "device_name", "torch", "samples"} <= set(frame)
    assert command("measure", "export", scaled, "--format", "jsonl") == 0
    assert len([json.loads(line) for line in capsys.readouterr().out.splitlines()]) == 5
    assert command("measure", "export", scaled, "--format", "parquet") == 2
    assert command("measure", "export", scaled, "--format", "parquet", "-o", tmp_path / "m.parquet") == 0
    assert len(pd.read_parquet(tmp_path / "m.parquet")) == 5


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("place", ["folder", "file/m.out", "/proc/m.out"])
def test_an_export_that_cannot_be_written_is_exit_2(
    scaled: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert command("measure", "export", scaled, "--format", form, "-o", tmp_path / place) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: cannot write {tmp_path / place}")
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.fixture
def small_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(job_module._SIDES, "cpu", {"matmul": 64, "copy": 64})


@pytest.mark.usefixtures("small_ceilings")
def test_a_sweep_is_run_once_and_the_second_time_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["measure", "sweep", "--layers", "conv,depthwise-conv", *SMALL, "--store", tmp_path / "m.sqlite"]
    assert command("measure", "plan", *arguments[2:], "--format", "json") == 0
    assert [row["rounds"] for row in json.loads(capfd.readouterr().out)["jobs"]] == [1, 1]
    assert not any(tmp_path.iterdir())
    assert command(*arguments, "--format", "json") == 0
    said = capfd.readouterr()
    rows = json.loads(said.out)
    assert [row["family"] for row in rows] == ["conv", "depthwise-conv"]
    assert all(row["status"] == "ok" and row["roofline"] > 0 for row in rows)
    assert "conv 3x3 w8 r8 b1: " in said.err
    assert command("measure", "plan", *arguments[2:]) == 0
    assert "0 of 2 jobs" in capfd.readouterr().out
    assert command(*arguments) == 0
    assert "nothing to do: all 2 jobs" in capfd.readouterr().err


@pytest.mark.usefixtures("small_ceilings")
def test_a_failed_job_is_exit_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "m.sqlite"
    module = "tests.fake_modules:not_a_module"
    assert command("measure", "module", module, "--input", "3x8x8", "--store", store, *SHORT) == 1
    assert "not a torch.nn.Module" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sweep"], "a sweep has one of"),
        (["sweep", "scaling", "--networks", "ResNet-50"], "either a study or lists"),
        (["network", "ResNet-51"], "ResNet-50"),
        (["network", "ResNet-50", "--factor", "2"], "needs strategies"),
        (["network", "ResNet-50", "--mode", "sideways"], "'sideways'"),
        (["network", "ResNet-50", "--address", "auto"], "--engine ray"),
        (["network", "ResNet-50", "--device", "tpu"], "'tpu'"),
        (["plan", "scaling", "--device", "cuda:x"], "'cuda:x'"),
        (["network", "ResNet-50", "--strategy", "w"], "a strategy (w) needs factors"),
        (["network", "ResNet-50", "--strategy", "w", "--factor", "1e300"], "1e+300"),
        (
            ["module", "os:nosuch", "--device", "cpu"],
            "os:nosuch cannot be loaded: AttributeError: module",
        ),
        (["module", "no.such:module", "--device", "cpu"], "the module no is neither installed nor in this folder"),
        (["module", "os:name", "--device", "cpu"], "cannot be called"),
        (["module", "torch"], "package.module:callable"),
        (["export", "absent.sqlite"], "no store"),
        (["repeatability", "absent.sqlite"], "no store"),
    ],
)
def test_bad_input_is_exit_2_in_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("measure", *arguments) == 2
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert said in line
    assert not any(tmp_path.iterdir())


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path) -> None:
    store = tmp_path / "m.sqlite"
    arguments = [
        "measure",
        "module",
        "tests.fake_modules:Slow",
        "--input",
        "3x8x8",
        "--store",
        str(store),
        "--rounds",
        "99",
    ]
    small = "import signal, sys; from complexity_theory import cli; from complexity_theory.measurement import jobs; "
    small += "signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background shell has it ignored
    small += "jobs._SIDES['cpu'] = dict(matmul=64, copy=64); cli.main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", small, *arguments, "--device", "cpu", "--threads", "1"],
        cwd=Path(__file__).resolve().parents[1],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the command and all that it has started
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert f"complexity-theory {' '.join(arguments)}" in rest
    assert "Traceback" not in rest
    with sqlite3.connect(store) as db:
        assert db.execute("SELECT count(*) FROM attempts").fetchone()[0] >= len(lines)
    db.close()


def test_progress_is_a_bar_in_a_terminal_and_lines_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def answer(task: Task) -> Outcome:
        return Outcome("crashed", "why") if task.job == jobs(2)[1] else measured(task)

    for i, setting in enumerate(("0", "1")):
        monkeypatch.setenv("TTY_COMPATIBLE", setting)
        store = Store(tmp_path / f"{i}.sqlite")
        with progress.reporting() as reporter:
            run(jobs(2), store, FakeEngine(answer), Protocol(rounds=2), reporter, place=PLACE)
        store.close()
        said = capsys.readouterr().err
        assert "conv 3x3 w16 r7 b1: crashed, why" in said
        assert ("\x1b[" in said) == (setting == "1")
        assert "3/3" in said
        assert ("about 0 s left" in said) == (setting == "0")


def test_the_rounds_of_a_job_share_a_budget_that_is_given() -> None:
    study = Protocol(rounds=3, min_time=0.5, max_time=2.0, budget=10.0)
    assert Execution().rules(study) == study
    shared = Execution(budget=0.6, rounds=4).rules(study)
    assert (shared.rounds, shared.budget, shared.max_time, shared.min_time) == (4, 0.6, 0.15, 0.15)
    assert Execution(budget=60.0).rules(study) == replace(study, budget=60.0)
    assert Execution(budget=1e-6).rules(study).max_time == 1e-6

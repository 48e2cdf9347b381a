"""The commands figures and paper: files, page, exit codes, and what is left out and said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from complexity_theory import cli
from complexity_theory.core.report import Table
from complexity_theory.figures import paper as making
from complexity_theory.figures import registry
from complexity_theory.figures.catalogue import FIGURES
from complexity_theory.figures.data import from_csv
from complexity_theory.figures.registry import CHECKOUT, Origin
from complexity_theory.figures.sweep import FILLS
from complexity_theory.measurement.jobs import Job, NetworkSubject, Task
from complexity_theory.measurement.store import Store
from complexity_theory.scaling.tables import TABLES
from tests.fake_engine import PLACE, measured

SOME = ("exponents", "runtime_4090_eager", "errors")  # of every origin but the slow ones


def command(*arguments: str) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def no_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout without shared tables beside it."""
    monkeypatch.setattr("complexity_theory.cli.paper._folder", lambda tables: tables)


@pytest.mark.usefixtures("no_tables")
def test_paper_makes_everything_and_says_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "FIGURES", {name: FIGURES[name] for name in SOME})
    assert command("paper", "--output", str(tmp_path / "out")) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path / "out" / "README.md")
    assert f"runtime_4090_eager: drawn, its data left as they were ({Origin.tables} is not at hand)" in printed.err
    assert "verification: 17 rows passed, 0 failed" in printed.err
    made = contents(tmp_path / "out")
    expected = {f"{name}.{suffix}" for name in SOME for suffix in ("svg", "png")}
    expected |= {f"data/{name}.csv" for name in SOME} | {"README.md", "verification.md"}
    expected |= {f"tables/{name}.{suffix}" for name in TABLES for suffix in ("md", "tex")}
    assert set(made) == expected
    committed = contents(CHECKOUT)
    texts = [name for name in made if name.endswith((".md", ".tex")) and name != "README.md"]
    assert {name: made[name] for name in texts} == {name: committed[name] for name in texts}
    page = made["README.md"].decode()
    assert all(f"data/{name}.csv" in page for name in SOME)


@pytest.mark.usefixtures("no_tables")
def test_figures_drawn_twice_leave_everything_as_it_was(tmp_path: Path) -> None:
    assert command("figures", *SOME, "--output", str(tmp_path)) == 0
    once = contents(tmp_path)
    assert command("figures", *SOME, "--output", str(tmp_path)) == 0
    assert contents(tmp_path) == once


def test_a_failed_verification_ends_in_exit_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "FIGURES", {})
    monkeypatch.setattr("complexity_theory.measurement.verify.as_data", lambda found: {"passed": 0, "failed": 1})
    monkeypatch.setattr("complexity_theory.measurement.verify.verify_tables", lambda: iter(()))
    monkeypatch.setattr("complexity_theory.measurement.verify.as_report", lambda found: Table([{"table": "simple"}]))
    assert command("paper", "--output", str(tmp_path)) == 1


def test_without_torch_the_verification_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "FIGURES", {})
    monkeypatch.setattr(making, "find_spec", lambda name: None)
    assert command("paper", "--output", str(tmp_path)) == 0
    assert (
        "verification: left out, for it needs PyTorch: pip install 'complexity-theory[measure]'"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "verification.md").exists()


def test_an_unknown_figure_ends_in_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("figures", "nonsense", "--output", str(tmp_path)) == 2
    assert capsys.readouterr().err.startswith("error: unknown figure 'nonsense': one of exponents, ")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_tables_that_is_not_there_ends_in_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("figures", "--output", str(tmp_path), "--tables", str(tmp_path / "none")) == 2
    assert capsys.readouterr().err == f"error: no folder of tables at {tmp_path / 'none'}\n"


def test_data_are_made_anew_from_tables_that_are_at_hand(shared_data: Path, tmp_path: Path) -> None:
    spec = FIGURES["runtime_4090_eager"]
    drawn = registry.make(spec, tmp_path, registry.Sources(tables=shared_data / "timm"))
    assert drawn is not None
    assert drawn.anew
    assert registry.data_path(tmp_path, spec.name).read_text() == registry.data_path(CHECKOUT, spec.name).read_text()


def fake_sweep(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
    """Stands for the command that measures: a store of each network and one of its scalings, all at 1 ms."""
    assert command[1:-1] == ["-m", "complexity_theory", "measure", "scaling", "--quick", "--store"]
    store = Store(command[-1])
    environment = store.add_environment(PLACE)
    jobs = [Job(NetworkSubject.of(name, *scaled, resolution=32)) for name in FILLS for scaled in ((), ("w", 2))]
    store.add_jobs(jobs)
    for job in jobs:
        task = Task(job=job, number=0, batch=1, device="cpu", threads=1)
        store.add(task, environment, measured(task))
    store.close()
    return subprocess.CompletedProcess(command, 0)


@pytest.mark.usefixtures("no_tables")
def test_paper_measures_anew_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "FIGURES", {"sweep": FIGURES["sweep"]})
    monkeypatch.setattr(making, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", fake_sweep)
    (tmp_path / "sweep.sqlite").write_text("of an earlier run")
    assert command("paper", "--measure", "--output", str(tmp_path)) == 0
    assert "sweep: drawn\n" in capsys.readouterr().err
    frame = from_csv(registry.data_path(tmp_path, "sweep").read_text())
    assert len(frame) == 2 * len(FILLS)
    assert set(frame["seconds_per_image"]) == {1e-3}
    assert frame.attrs["r_acts"] == "- (log -)"  # equal times go with nothing
    assert frame.attrs["device"] == "fake, threads: 1, forward, fp32, nchw, eager, PyTorch 0"


def test_a_sweep_that_fails_ends_the_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 130))
    assert command("paper", "--measure", "--output", str(tmp_path)) == 130
    assert list(tmp_path.iterdir()) == []

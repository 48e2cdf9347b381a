"""The commands figures and paper: files, page, exit codes, and what is left out and said."""

from __future__ import annotations

import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from complexity_theory import cli
from complexity_theory.figures import paper as making
from complexity_theory.figures import registry
from complexity_theory.figures.catalogue import FIGURES
from complexity_theory.figures.data import from_csv
from complexity_theory.figures.paper import PaperStep, StepOutcome
from complexity_theory.figures.registry import CHECKOUT, Origin
from complexity_theory.measurement import verify as verification
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, NetworkSubject, Task
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import expand, load_study
from complexity_theory.scaling.exponents import derive
from complexity_theory.scaling.strategy import parse
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


@pytest.fixture
def no_explorer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the step that writes the explorer, which takes seconds."""
    monkeypatch.setattr(
        "complexity_theory.cli.paper._explorer", lambda _: PaperStep("nothing", lambda: StepOutcome(""))
    )


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
    expected |= {f"data/{name}.csv" for name in SOME} | {"README.md", "verification.md", "explorer.html"}
    expected |= {f"tables/{name}.{suffix}" for name in (*TABLES, "blocks") for suffix in ("md", "tex")}
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


@pytest.mark.usefixtures("no_explorer")
def test_a_failed_verification_ends_in_exit_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "FIGURES", {})
    row = derive(parse("w"))
    wrong = verification.verify(replace(row, exponents=row.exponents.map(lambda exponent: exponent + 1)))
    monkeypatch.setattr(verification, "verify_tables", lambda: iter([("simple", wrong)]))
    assert command("paper", "--output", str(tmp_path)) == 1


@pytest.mark.usefixtures("no_explorer")
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
    assert options["env"]["PYTHONSAFEPATH"] == "1"  # type: ignore[index]
    store = Store(command[-1])
    environment = store.add_environment(PLACE)
    jobs = [job for job in load_study("scaling-quick").jobs if job.description["strategy"] in ("base", "w")]
    store.add_jobs(jobs)
    for job in jobs:
        task = Task(job=job, number=0, batch=1, device="cpu", threads=1)
        store.add(task, environment, measured(task))
    store.close()
    return subprocess.CompletedProcess(command, 0)


@pytest.mark.usefixtures("no_tables", "no_explorer")
def test_paper_measures_anew_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "FIGURES", {"sweep": FIGURES["sweep"]})
    monkeypatch.setattr(making, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", fake_sweep)
    mine = tmp_path / "sweep.sqlite.backup"
    mine.write_text("of the user")
    assert command("paper", "--measure", "--output", str(tmp_path)) == 0
    assert "sweep: drawn\n" in capsys.readouterr().err
    frame = from_csv(registry.data_path(tmp_path, "sweep").read_text())
    assert len(frame) == 6
    assert set(frame["seconds_per_image"]) == {1e-3}
    assert mine.read_text() == "of the user"
    once = (tmp_path / "sweep.sqlite").stat().st_ino
    assert command("paper", "--measure", "--output", str(tmp_path)) == 0  # an earlier run is measured anew
    assert (tmp_path / "sweep.sqlite").stat().st_ino != once
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert frame.attrs["r_acts"] == "- (ranks -)"  # equal times go with nothing
    assert frame.attrs["device"] == "fake, threads: 1, forward, fp32, nchw, eager, PyTorch 0"


@pytest.mark.parametrize("content", ["text", "other store", "other database"])
def test_a_store_of_the_user_is_not_replaced(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sweep.sqlite"
    if content == "text":
        path.write_text("of the user")
    elif content == "other store":
        store = Store(path)
        store.add_jobs([Job(NetworkSubject.of("ResNet-18"))])
        store.close()
    else:
        with sqlite3.connect(path) as db:
            db.execute("CREATE TABLE mine (x)")
        db.close()
    before = path.read_bytes()
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("measured"))
    assert command("paper", "--measure", "--output", str(tmp_path)) == 2
    assert capsys.readouterr().err.startswith(f"error: {path} ")
    assert path.read_bytes() == before


@pytest.mark.usefixtures("no_tables")
@pytest.mark.parametrize("name", ["README.md", "errors.svg", "errors.png", "data/errors.csv"])
def test_files_of_the_user_are_left_alone(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("# My project\nMade with love, and complexity-theory")
    before = contents(tmp_path)
    for arguments in (("figures", "errors"), ("paper",)):
        assert command(*arguments, "--output", str(tmp_path)) == 2
        said = f"error: {path} was not written by this command, and is left as it is: choose another place\n"
        assert capsys.readouterr().err == said
        assert contents(tmp_path) == before


@pytest.mark.usefixtures("no_tables")
@pytest.mark.parametrize(
    "garbage",
    ["", "a,b\n1,2\n", "\xff\0", "study,network,family,flops,time,unit,error\nx,$y_,z,many,1,s,2\n", "[" * 10_000],
)
def test_garbage_in_the_data_of_a_figure_is_told(
    garbage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = registry.data_path(tmp_path, "runtime_4090_eager")
    path.parent.mkdir()
    path.write_bytes(f"# Made by complexity-theory\n{garbage}".encode("latin-1"))
    assert command("figures", "runtime_4090_eager", "--output", str(tmp_path)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path} ")
    assert said.count("\n") == 1
    assert len(said) < 500
    assert set(contents(tmp_path)) == {"data/runtime_4090_eager.csv"}


@pytest.mark.usefixtures("no_tables")
def test_what_data_say_is_no_html_and_no_link_on_the_page(tmp_path: Path) -> None:
    assert command("figures", "runtime_4090_eager", "--output", str(tmp_path)) == 0
    path = registry.data_path(tmp_path, "runtime_4090_eager")
    device = "<script>x</script> [y](javascript:z) | \x1b[31m"
    lines = path.read_text().splitlines(keepends=True)
    lines = [f"# device: {device}\n" if line.startswith("# device") else line for line in lines]
    path.write_text("".join(lines))
    assert command("figures", "runtime_4090_eager", "--output", str(tmp_path)) == 0
    page = (tmp_path / "README.md").read_text()
    assert "<script>" not in page
    assert r"&lt;script&gt;x&lt;/script&gt; \[y\](javascript:z) \| \\x1b\[31m" in page


@pytest.mark.usefixtures("no_tables")
@pytest.mark.parametrize(
    "table",
    [
        {"networks": ["ResNet-18"], "strategies": ["d", "fast:1/2"], "factors": [1, 2]},
        {
            "networks": ["ResNet-18", "ResNet-34", "MobileNetV2", "VGG-11", "ResNet-50"],
            "strategies": "w",
            "factors": [2],
        },
        {"networks": ["ResNet-18"], "strategies": ["w"], "factors": [1, 2], "batches": ["auto:8", 4], "modes": "train"},
        {"networks": ["ResNet-18"], "strategies": ["w"], "factors": [1, 2], "resolutions": [32, 64]},
        {"networks": ["ResNet-18", "ResNet-34"]},
        {"layers": "conv"},
        None,
    ],
)
def test_the_figure_of_a_sweep_is_drawn_of_any_store_or_says_what_it_needs(
    table: dict[str, object] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sqlite"
    store = Store(path)
    place, jobs = store.add_environment(PLACE), [] if table is None else expand(table)
    store.add_jobs(jobs)
    for number, job in enumerate(jobs):
        task = Task(job=job, number=0, batch=job.settings.batch, device="cpu", threads=1)
        failed = Outcome("crashed", "why")
        store.add(task, place, failed if number == len(jobs) - 1 > 2 else measured(task, [1e-3 * (number + 1)] * 4))
    store.close()
    code, said = command("figures", "sweep", "--store", str(path), "--output", str(tmp_path)), capsys.readouterr().err
    assert code == 0 or said.startswith(f"error: {path} holds no "), said
    assert code == (0 if table and "strategies" in table and 1 in table["factors"] else 2), said  # type: ignore[operator]


def test_a_sweep_that_fails_ends_the_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 130))
    assert command("paper", "--measure", "--output", str(tmp_path)) == 130
    assert list(tmp_path.iterdir()) == []

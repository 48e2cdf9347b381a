"""Code that nobody asked for does not run, and what somebody asked for is found; hostile hours leave an outcome."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from complexity_theory import cli
from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import engines, isolate
from complexity_theory.measurement.engines import Local, Ray
from complexity_theory.measurement.isolate import isolated
from complexity_theory.measurement.paths import is_callable_path, load_callable

ROOT = Path(__file__).resolve().parents[1]
# The command with small ceilings.
SMALL = (
    "from complexity_theory.__main__ import main; import complexity_theory.measurement.jobs as jobs; "
    "jobs._SIDES['cpu'] = dict(matmul=64, copy=64); main()"
)
COMMAND = [sys.executable, "-P", "-c", SMALL]
# The command as it is, which tells when it begins; a background shell has Ctrl-C ignored.
START = (
    "import signal; from complexity_theory.__main__ import main; "
    "signal.signal(signal.SIGINT, signal.default_int_handler); print(end='started ', flush=True); main()"
)
SHORT = ["--device", "cpu", "--threads", "1", "--rounds", "1", "--budget", "0.1", "--format", "json"]
MINE = """
import torch
print("printed by the file")
def make():
    return torch.nn.Conv2d(3, 8, 3)
"""


def command(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a folder of its own, as an installed one is run."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = [*COMMAND, *map(str, arguments)]
    return subprocess.run(told, cwd=folder, env=environment, text=True, capture_output=True)


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """A folder in which the names of libraries are files that tell where they are run."""
    for name in ("statistics", "torch", "psutil", "numpy"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'sprung')!r}, 'a').write('{name} ')\nraise SystemExit"
        )
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def test_nothing_is_imported_from_the_current_folder_but_what_is_named(trapped: Path) -> None:
    study = trapped / "study.toml"
    study.write_text('[[sweep]]\nmodules = ["mine:make", "mine.py:make"]\ninputs = "3x8x8"\n')
    ended = command("measure", "sweep", study, "--run-modules", *SHORT, folder=trapped)
    assert ended.returncode == 0, ended.stderr
    assert [row["flops"] for row in json.loads(ended.stdout)] == [8 * 6 * 6 * 28] * 2
    assert "printed by the file" in ended.stderr
    assert not (trapped / "sprung").exists()


def test_the_traps_would_be_sprung(trapped: Path) -> None:
    subprocess.run([sys.executable, "-c", "import statistics"], cwd=trapped, check=False)
    assert (trapped / "sprung").exists()


@pytest.mark.parametrize("verb", ["plan", "sweep"])
def test_a_study_file_that_names_modules_asks_first(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "study.toml"
    study.write_text('[[sweep]]\nmodules = "mine:make"\ninputs = "3x8x8"\n')
    with pytest.raises(SystemExit, match="2"):
        cli.main(["measure", verb, str(study)])
    said = f"error: {study} names modules (mine:make), whose code would run: --run-modules allows it\n"
    assert capsys.readouterr().err == said
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]
    with pytest.raises(SystemExit, match="0"):
        cli.main(["measure", verb, "--help"])
    assert "whose code runs" in " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize(
    ("path", "named"),
    [
        *((path, True) for path in ("a:b", "a.b:C", "x/y.py:f", "x y/z.py:f")),
        *((path, False) for path in ("a", "a:", ":b", "a:b c", "a..b:c", "../a:b", "a;b:c", "a.py")),
    ],
)
def test_names_of_callables(path: str, named: bool) -> None:
    assert is_callable_path(path) == named


def test_a_file_of_a_module_finds_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_it.py").write_text("VALUE = 7")
    (tmp_path / "file.py").write_text("import beside_it\ndef f():\n    return beside_it.VALUE\nx = 3")
    assert load_callable(f"{tmp_path}/file.py:f")() == 7
    with pytest.raises(InvalidInput, match="is a int, and cannot be called"):
        load_callable(f"{tmp_path}/file.py:x")
    with pytest.raises(InvalidInput, match="No such file"):
        load_callable(f"{tmp_path}/absent.py:x")
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(InvalidInput, match="no regular file"):
        load_callable(f"{tmp_path}/pipe.py:x")
    sys.modules.pop("file", None)


# Errors that cannot be told


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("tests.fake_engine:surrogate", r"ValueError: a lone \udc80 and \x1b[31m"),
        ("tests.fake_engine:untellable", "Untellable: which cannot be told: its text raises RuntimeError"),
        ("tests.fake_engine:novel", "ValueError: xxx"),
    ],
)
def test_an_error_that_is_hard_to_tell_is_a_reason_that_can_be_kept(function: str, reason: str) -> None:
    outcome = isolated(function, limit=60)
    assert outcome.status == "failed"
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason.encode()) <= 500
    assert outcome.reason.isprintable()


# Ends


def test_a_server_of_workers_that_dies_is_told_and_started_again() -> None:
    assert isolated("tests.fake_engine:fine", limit=60).status == "ok"
    servers = [p for p in psutil.Process().children() if "forkserver" in " ".join(p.cmdline())]
    assert len(servers) == 1
    servers[0].kill()
    while servers[0].status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    outcomes = [isolated("tests.fake_engine:fine", limit=60) for _ in range(2)]
    assert outcomes[-1].status == "ok"
    assert outcomes[0].status == "ok" or "server of workers" in outcomes[0].reason


def test_a_worker_that_cannot_be_started_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(isolate, "start", none)
    outcome = isolated("tests.fake_engine:fine", limit=60)
    assert outcome.status == "crashed"
    assert "no worker could be started: BlockingIOError" in outcome.reason
    with pytest.raises(InvalidInput, match="no worker could be started"):
        Local("cpu").describe()


@dataclass(frozen=True)
class Ended:
    """How a command ended that got a signal."""

    wait: float
    process: subprocess.Popen[str]
    said: str


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[signal.Signals, list[Ended]]:
    """Commands ended some seconds after they began, side by side: by Ctrl-C, and by a kill."""

    def end(case: tuple[float, signal.Signals]) -> tuple[signal.Signals, Ended]:
        wait, how = case
        process = interrupted(tmp_path_factory.mktemp("ended"), wait, how)
        return how, Ended(wait, process, process.communicate(timeout=60)[1])

    cases = [(4.0, signal.SIGKILL), *((wait, signal.SIGINT) for wait in (3.0, 0.8, 0.05))]
    found: dict[signal.Signals, list[Ended]] = {}
    with ThreadPoolExecutor(len(cases)) as pool:
        for how, told in pool.map(end, cases):
            found.setdefault(how, []).append(told)
    return found


@pytest.mark.xdist_group("ended")
def test_ctrl_c_at_any_moment_is_told_in_a_line(ended: dict[signal.Signals, list[Ended]]) -> None:
    assert len(ended[signal.SIGINT]) == 3
    for told in ended[signal.SIGINT]:
        assert told.process.returncode == 130, told
        assert "Traceback" not in told.said
        assert "interrupted" in told.said
        check_gone(told.process.pid)


@pytest.mark.xdist_group("ended")
def test_a_kill_leaves_no_process_behind(ended: dict[signal.Signals, list[Ended]]) -> None:
    (told,) = ended[signal.SIGKILL]
    assert told.process.returncode == -signal.SIGKILL
    check_gone(told.process.pid)


def interrupted(folder: Path, wait: float, how: signal.Signals) -> subprocess.Popen[str]:
    """A command that measures and after a time gets a signal: Ctrl-C as of a terminal, with all it has started."""
    arguments = ["measure", "network", "ResNet-18", "--resolution", "32", "--rounds", "50", *SHORT[:4]]
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", START, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.read(8)
    time.sleep(wait)
    (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)
    return process


def check_gone(session: int) -> None:
    """Fails where a process of a session lives on."""
    for _ in range(100):  # the server of workers ends once it has loaded torch
        left = [other for other in psutil.process_iter() if _session(other) == session]
        if not left:
            return
        time.sleep(0.2)
    raise AssertionError(left)


def _session(process: psutil.Process) -> int:
    try:
        return os.getsid(process.pid)
    except OSError:
        return -1


@pytest.mark.parametrize("closed", [(2,), (0, 1, 2)])
def test_closed_streams_are_streams_that_nobody_reads(tmp_path: Path, closed: tuple[int, ...]) -> None:
    shut = " ".join(f"{number}>&-" for number in closed)
    line = f"{shlex.join(COMMAND)} measure sweep --layers conv --widths 8 --resolutions 8 --store m.sqlite"
    ended = subprocess.run(
        ["sh", "-c", f"{line} {' '.join(SHORT)} {shut}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert (tmp_path / "m.sqlite").read_bytes().startswith(b"SQLite format 3\0")
    if 2 in closed and 1 not in closed:
        assert json.loads(ended.stdout)[0]["status"] == "ok"


# Ray


def test_a_cluster_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "JOINING", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(InvalidInput, match=f"^no Ray cluster answers at '{address}': ") as refused:
            Ray("cpu", address=address)
        assert time.monotonic() - begun < 30
    assert "\n" not in str(refused.value)


def test_more_threads_than_a_cluster_has_are_refused() -> None:
    with pytest.raises(InvalidInput, match="the Ray cluster has 1 CPUs, a worker needs 7"):
        Ray("cpu", threads=7, workers=1)

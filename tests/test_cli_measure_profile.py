"""The command `measure profile`: the networks that it chooses, and the profile that it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from complexity_theory import zoo
from complexity_theory.cli import main
from complexity_theory.cli.measure_options import Execution
from complexity_theory.devices.features import network_features
from complexity_theory.devices.prediction import seconds
from complexity_theory.devices.profile import load_profile
from complexity_theory.measurement.frame import read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Task
from tests.fake_engine import FakeEngine, measured

SHORT = ["--rounds", "1", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> str:
    """A made-up CPU that takes half the time of a shipped profile."""
    like = load_profile("i9-10940x-compiled")

    def answer(task: Task) -> Outcome:
        name = task.job.description.get("network", "")
        work = network_features(zoo.network(name)) if name in zoo.names() else None
        taken = 1e-3 if work is None else 0.5 * float(seconds(like, work, 1))
        return measured(task, [taken * (1 + 0.002 * i) for i in range(5)])

    monkeypatch.setattr(Execution, "start", lambda self: FakeEngine(answer))
    return "i9-10940x-compiled"


def command(*arguments: object) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def test_four_networks_are_chosen_measured_and_fitted(
    device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, path = tmp_path / "mine.sqlite", tmp_path / "mine.toml"
    assert command("measure", "profile", "--quick", *SHORT, "--store", store, "-o", path) == 0
    said = capsys.readouterr().err
    assert "the networks that tell most of" in said
    assert f"wrote {path}: 4 measurements; 9 of 10 networks take 0." in said
    chosen = set(read(store)["network"])
    assert len({zoo.kin(zoo.network(name).family) for name in chosen}) >= 3
    profile, like = load_profile(str(path)), load_profile(device)
    works = [network_features(zoo.network(name)) for name in zoo.names("RegNetX")[:8]]
    ratio = np.array([seconds(profile, work, 1) / (0.5 * seconds(like, work, 1)) for work in works])
    assert np.abs(np.log(ratio)).max() < np.log(profile.architecture.high)
    assert command("measure", "profile", "--quick", *SHORT, "--store", store, "-o", path) == 0
    assert "nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "mine.json"), "a profile is a .toml file, not mine.json"),
        (("-o", "mine.toml", "--batch", "auto:0"), "--batch must be a whole number from 1 to 1e+06, not 0"),
        (("-o", "mine.toml", "--quick", "--networks", "8"), "--quick is 4 networks: not with --networks 8"),
    ],
)
def test_bad_input(device: str, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("measure", "profile", *arguments) == 2
    assert capsys.readouterr().err == f"error: {said}\n"

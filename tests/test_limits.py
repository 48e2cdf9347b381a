"""The one table of limits: each is held to, at the door and by its name; what is within it is done in bounded time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from complexity_theory.cli import main
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, check_count, check_limit
from complexity_theory.networks.files import load_network
from complexity_theory.scaling.realise import scale
from complexity_theory.scaling.search import MOST_ON_THE_LADDER, Search

PACKAGE = Path(__file__).resolve().parents[1] / "complexity_theory"
MEASURE = ["measure", "network", "ResNet-18", "--device", "cpu"]


@pytest.mark.parametrize("what", LIMITS)
def test_a_limit_is_a_limit(what: str) -> None:
    limit = LIMITS[what]
    for value in (limit.least, limit.most):
        check_limit(what, int(value) if limit.whole else value)
    for value in (limit.least - 1, limit.most * 2, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(InvalidInput, match=f"^{re.escape(what)} must be "):
            check_limit(what, value)
    with pytest.raises(InvalidInput, match=f"^a.csv has more than [0-9,]+ {re.escape(what)}$"):
        check_count(what, int(limit.most) + 1, "a.csv")


@pytest.mark.parametrize("what", LIMITS)
def test_no_limit_is_dead(what: str) -> None:
    texts = [path.read_text() for path in PACKAGE.rglob("*.py") if path.name != "limits.py"]
    assert any(f'"{what}"' in text for text in texts)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*MEASURE, "--threads", "100000000"], "--threads must be a whole number from 1 to 1,024, not 100000000"),
        ([*MEASURE, "--threads", "0"], "--threads must be a whole number from 1 to 1,024, not 0"),
        ([*MEASURE, "--time-limit", "inf"], "--time-limit must be a number from 1e-06 to 1e\\+07, not inf"),
        ([*MEASURE, "--budget", "nan"], "--budget must be a number from 1e-06 to 1e\\+07, not nan"),
        ([*MEASURE, "--budget", "٣"], "Invalid value for '--budget': .* a number: '٣'"),
        ([*MEASURE, "--rounds", "1.5"], "Invalid value for '--rounds': .* integer: '1.5'"),
        ([*MEASURE, "--rounds", "10001"], "--rounds must be a whole number from 1 to 10,000, not 10001"),
        ([*MEASURE, "--batch", "²"], 'a batch is a number, "auto" or "auto:LARGEST", not \'²\''),
        ([*MEASURE, "--batch", "9" * 5000], "batch.*"),
        (
            ["derive", "dWr", "--width", "9" * 5000],
            "Invalid value for '--width': Input must be an integer of fewer .*",
        ),
        (
            ["choose", "RegNetY-4.0GF", "--max-flops", "10TF"],
            r"budgets of 10,000,000,000,000 \(--max-flops\) leave room .* more than 100,000 steps of a scaling: .*",
        ),
        (["roofline", "--flop-rate", "nan"], "--flop-rate must be a number above 0, not nan"),
        (["roofline", "--bandwidth", "-1"], "--bandwidth must be a number above 0, not -1.0"),
        (["roofline", "--bytes-per-act", "0"], "--bytes-per-act must be a number above 0, not 0.0"),
    ],
)
def test_an_option_beyond_a_limit_is_told_by_its_own_name(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    err = capsys.readouterr().err
    assert end.value.code == 2
    assert re.fullmatch(f"error: .*{said}.*\n", err)
    assert len(err) < 300
    assert not any(tmp_path.iterdir())


def stages(number: int) -> str:
    stage = '[[stages]]\nblock = "bottleneck"\ndepth = 2\nwidth = {}\nratio = 0.5\ngroup_width = 8\nse = "1/4"\n'
    return 'stem = "conv3"\nstem_width = 32\nresolution = 64\n' + "".join(
        stage.format(64 + 16 * (i % 20)) for i in range(number)
    )


@pytest.mark.parametrize(
    ("name", "content", "command", "said"),
    [
        ("a.toml", lambda: stages(1001), ["count"], "at most 1,000 of them"),
        ("a.csv", lambda: "," * 10**6, ["runtime", "correlate"], "a.csv has more than 1,000 columns of a table"),
        ("a.csv", lambda: "network,seconds,batch\n" + "a,1,1\n" * 200_001, ["runtime", "correlate"], "200,000 rows"),
        ("a.toml", lambda: "#" * (2**22 + 1), ["count"], "4,194,304 bytes of a description"),
        ("a.yaml", lambda: "#" * (2**18 + 1), ["count"], "262,144 bytes of a configuration"),
    ],
)
def test_a_file_beyond_a_limit_is_told(
    name: str,
    content: Callable[[], str],
    command: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content())
    with pytest.raises(SystemExit) as end:
        main([*command, name])
    err = capsys.readouterr().err
    assert end.value.code == 2
    assert re.fullmatch(f"error: .*{said}.*\n", err)
    assert len(err) < 300


def test_the_search_of_a_network_of_many_stages_is_bounded(tmp_path: Path) -> None:
    """The sizes that are tried along the strategy are as many as of a network of few stages."""
    for number in (4, 100):
        path = tmp_path / f"{number}.toml"
        path.write_text(stages(number))
        network = load_network(path)
        with mock.patch.object(Search, "along", autospec=True, side_effect=Search.along) as tried:
            found = scale(network, "dWr", target_flops=2 * network.complexity().flops)
        assert abs(found.deviation) < 0.01
        assert 20 < tried.call_count <= 200
        assert tried.call_count * len(network.knobs) < 1.2 * MOST_ON_THE_LADDER

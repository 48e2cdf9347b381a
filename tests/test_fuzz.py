"""A sample of ``python -m tests.fuzz``, and that what it checks by can fail."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from complexity_theory.cli import main
from complexity_theory.core.errors import InvalidInput
from tests.fuzz import calls, messages, values
from tests.fuzz.command_lines import Case, cases, commands
from tests.fuzz.files import seeds
from tests.fuzz.running import endings, faults, fuzzed

SAMPLE = 4  # of each command


def test_bad_input_is_refused_in_a_line_that_says_what_is_wrong_and_what_is_right() -> None:
    assert [(fault.case, fault.wrong, fault.ending) for fault in fuzzed(list(cases(SAMPLE * len(commands()), 7)))] == []


def test_every_command_is_met_and_most_input_is_refused() -> None:
    known = commands()
    lines = list(cases(len(known), 0))
    assert [" ".join(case.arguments).startswith(name) for case, name in zip(lines, sorted(known), strict=True)] == [
        True
    ] * len(known)
    assert len(known) >= 37
    named = {name for kinds in values.FILES.values() for name in kinds}
    assert named <= set(seeds())


def test_right_input_is_taken() -> None:
    """The lines that are then spoilt: they would be refused for what was not spoilt if they were wrong themselves."""
    lines = [f"{path} {values.MORE[path]}" for path in ("derive", "tables", "measure plan", "measure repeatability")]
    lines += ["measure export store.sqlite --output rows.csv", "predict ResNet-18 --device profile.toml"]
    lines += [f"count {name}" for name in values.FILES["NETWORK"][:3]]
    lines += [f"runtime correlate {name}" for name in values.FILES["TABLE"]]
    lines += ["runtime evaluate v100-training --prior prior.toml"]
    found = list(endings([Case(line.split(), dict(seeds()), []) for line in lines], main, 30))
    assert [
        (line, ending.status, ending.errors) for line, ending in zip(lines, found, strict=True) if ending.status
    ] == []


def test_wrong_calls_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("complexity_theory.measurement.verify.verify_tables", lambda: iter(()))
    assert calls.calls(150, seed=1) == []
    assert not any(tmp_path.iterdir())


def test_the_check_of_calls_can_fail() -> None:
    def refuses() -> None:
        raise InvalidInput("one line")

    def forever() -> None:
        while True:
            pass

    assert calls.wrong_call(refuses, [], {}) == ""
    assert calls.wrong_call(len, [None], {}).startswith("TypeError: ")
    assert calls.wrong_call(forever, [], {}, seconds=0.2) == "more than 0.2 s"


@pytest.mark.parametrize(
    ("errors", "wrong"),
    [
        ("error: --batch must be a whole number from 1, not 'x'\n", []),
        ("warning: two rows left out\nerror: --batch must be at least 1, not 'x'\n", []),
        ("error: --batch must be at least 1, not 'x'\nmore\n", ["a refusal that does not end in its one line"]),
        ("error: a\nerror: b\n", ["a refusal that does not end in its one line"]),
        ("", ["a refusal that does not end in its one line"]),
        ("error: --batch must not be x: TypeError: 'NoneType'\n", ["Python's own words"]),
        ("error: --batch: 'utf-8' codec can't decode byte 0xff, must be text\n", ["Python's own words"]),
        (f"error: --batch must not be {'x' * 5000}\n", ["the input given back"]),
        ("error: --batch must not be \x1b[31m x\n", ["control characters"]),
        ("error: --batch: this went wrong somehow\n", ["nothing said of what would be right"]),
        ("error: B must be a whole number, not that\n", ["neither the value nor its option or file named"]),
    ],
)
def test_the_check_of_messages_can_fail(errors: str, wrong: list[str]) -> None:
    assert messages.faults(errors, ["--batch", "x\x00y"]) == wrong


def test_values_are_known_however_they_are_escaped() -> None:
    assert messages.named(r"unknown network 'a\nb'", "a\nb")
    assert messages.named(r"unknown network '\udcff'", "\udcff")
    assert messages.named(f"unknown network '{'x' * 30} ... ", "x" * 20000)
    assert not messages.named("unknown network", "ResNet")


def test_the_run_of_commands_can_fail() -> None:
    def ends(arguments: list[str]) -> None:
        (what,) = arguments
        if what == "raises":
            raise KeyError(what)
        if what == "hangs":
            time.sleep(60)
        if what == "dies":
            os._exit(3)
        if what == "writes":
            Path("left").write_text("half")
        said = "Traceback (most recent call last)" if what == "traces" else "error: it is not what it must be"
        print(said, file=sys.stderr)
        sys.exit({"code": 7, "traces": 1}.get(what, 2))

    lines = [Case([what], {}, ["must"]) for what in ("raises", "hangs", "dies", "writes", "traces", "code", "fine")]
    found = [faults(case, ending) for case, ending in zip(lines, endings(lines, ends, 0.3), strict=True)]
    assert found == [
        ["KeyError: 'raises'"],
        ["more than 0.3 s"],
        ["the process died"],
        ["written where refused"],
        ["a traceback"],
        ["exit code 7"],
        [],
    ]

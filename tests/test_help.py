"""Pages of help: examples that parse, values named alike; several names in one option; the version."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
import typer

from complexity_theory.cli import UsageError, app, main

ROOT: Any = typer.main.get_command(app)


def _pages(command: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from _pages(below, (*path, name))
    else:
        yield " ".join(path), command


PAGES = dict(_pages())


def _parsed(arguments: list[str]) -> Any:
    """The command that a line is of; raises typer's error where it is none."""
    command = ROOT
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("example", arguments)
    return command


@pytest.mark.parametrize("name", PAGES)
def test_a_page_ends_with_examples_of_its_command_that_parse(name: str) -> None:
    heading, *lines = PAGES[name].epilog.split("\n\n")
    assert heading == "Examples:"
    assert lines
    for line in lines:
        assert _parsed(shlex.split(line)[2:]) is PAGES[name]


def test_an_example_of_what_is_not_there_does_not_parse() -> None:
    with pytest.raises(UsageError):
        _parsed(["count", "ResNet-50", "--layers"])


@pytest.mark.parametrize("name", PAGES)
def test_values_have_names_that_say_what_they_are(name: str) -> None:
    values = [p for p in PAGES[name].params if not getattr(p, "is_flag", False) and p.name != "help"]
    assert [p.name for p in values if not p.metavar] == []
    named = {p.name: p.metavar for p in values}
    assert named.get("network", "NETWORK") == "NETWORK"
    assert named.get("strategy", "STRATEGY") == "STRATEGY"


def test_several_names_stand_in_one_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    devices = ["v100-training", "v100-inference"]
    for given in (["--device", ",".join(devices)], [part for name in devices for part in ("--device", name)]):
        line = ["compare", "ResNet-18", "--factor", "2", "--format", "json", *given]
        with pytest.raises(SystemExit):
            main(line)
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert found[0]["devices"] == devices


@pytest.mark.parametrize(
    ("line", "option", "typed", "known"),
    [
        ("count", "network", "RegNetY-4", "RegNetY-4.0GF"),
        ("scale", "network", "regnety_0", "regnety_040"),
        ("derive", "strategy", "dW", "dWr"),
        ("compare", "device", "rtx4090-e", "rtx4090-eager-nchw"),
        ("scale", "strategy", "fast", "fast:0.2"),
    ],
)
def test_the_shell_completes_names(line: str, option: str, typed: str, known: str) -> None:
    command = PAGES[line]
    (parameter,) = [p for p in command.params if p.name == option]
    context = command.make_context("example", [], resilient_parsing=True)
    found = [getattr(item, "value", item) for item in parameter.shell_complete(context, typed)]
    assert known in found
    assert all(name.startswith(typed) for name in found)


def test_the_version_is_told_where_nothing_is_installed_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, "not installed\n")

"""Command lines with something wrong in them: every registered command in turn, every option of it drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import typer

from complexity_theory.cli import app
from tests.fuzz import values
from tests.fuzz.files import seeds, spoilt_file


class Case(NamedTuple):
    """A command line, the files that stand where it is run, and the texts one of which a refusal must name."""

    arguments: list[str]
    files: dict[str, bytes | str]
    spoilt: list[str]


def commands() -> dict[str, Any]:
    """Every command that is registered, by its path."""

    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield path.strip(), command
        for name, part in getattr(command, "commands", {}).items():
            yield from walk(part, f"{path} {name}")

    return dict(walk(typer.main.get_command(app), ""))


def cases(n: int, seed: int) -> Iterator[Case]:
    """``n`` command lines, over all commands in turn."""
    known = sorted(commands().items())
    for number in range(n):
        draw = random.Random(f"{seed} {number}")
        yield _case(*known[number % len(known)], draw)


def _case(path: str, command: Any, draw: random.Random) -> Case:
    more = values.MORE.get(path, "").split()
    first = next((i for i, word in enumerate(more) if word.startswith("-")), len(more))
    given, options = more[:first], more[first:]
    places: list[Any] = []
    for parameter in command.params:
        if _is_option(parameter):
            if parameter.required and not set(parameter.opts) & set(options):
                options.append(f"{_name(parameter)}={_right(parameter)}")
        else:
            places.append(parameter)
            if parameter.required and len(given) < len(places):
                given.append(_right(parameter))
    files: dict[str, bytes | str] = {name: seeds()[name] for name in seeds() if name in " ".join([*given, *options])}
    spoilt = [path, *given]
    for parameter in draw.sample(command.params, k=min(len(command.params), draw.choice([1, 1, 1, 2]))):
        if getattr(parameter, "is_flag", False):
            options.append(_name(parameter))
            spoilt += _names(parameter)
            continue
        value = _value(parameter, files, draw)
        spoilt += [*_names(parameter), value, *re.split("[:,.]", value)]
        if _is_option(parameter):
            options.append(f"{_name(parameter)}={value}")
        else:
            place = places.index(parameter)
            given[place : place + 1] = [value]
    if draw.random() < 0.03:
        unknown = f"--{draw.choice(['no', 'x' * 3000, 'ünknown', 'strateg'])}"
        options.append(f"{unknown}=1")
        spoilt.append(unknown)
    return Case([*path.split(), *options, "--", *given], files, spoilt)


def _value(parameter: Any, files: dict[str, bytes | str], draw: random.Random) -> str:
    """A value that is likely wrong: a slip, something else, or a file that is spoilt."""
    kinds = values.FILES.get(parameter.metavar or "", ())
    if not kinds or draw.random() < 0.4:
        return values.spoilt(_right(parameter), draw)
    name = draw.choice(kinds)
    files[name] = spoilt_file(seeds()[name], draw)
    return f"{name}:make" if name.endswith(".py") else name


def _is_option(parameter: Any) -> bool:
    return bool(parameter.opts[0].startswith("-"))


def _names(parameter: Any) -> list[str]:
    """What a message may call it: its options, its name in Python, or its metavar."""
    name = _name(parameter).strip("-")
    return [*parameter.opts, name, name.replace("-", "_"), *filter(None, [parameter.metavar])]


def _name(parameter: Any) -> str:
    return str(max(parameter.opts, key=len))


def _right(parameter: Any) -> str:
    return values.RIGHT.get(parameter.metavar or "", "1")

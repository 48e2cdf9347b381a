"""A network as a small TOML or JSON file: the fields of ``Network``, with ``stages`` as a list of those of ``Stage``.

What has a default may be left out, and a shortcut that follows from the sizes is. Ratios are numbers or exact text such
as "1/4". The same description is what `export --to json` prints.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import tomli_w

from complexity_theory.core import files
from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.blocks import Shortcut
from complexity_theory.networks.spec import Network, Stage

LARGEST = 10**9  # what a size of a file can be
FAMILY = "custom"  # of a network whose file names none


def describe(network: Network) -> dict[str, Any]:
    """A network as plain numbers, text and lists, without what has its default. Raises InvalidInput for sizes not int.

    >>> from complexity_theory.zoo import network
    >>> describe(network("ResNet-50"))["stages"][0]
    {'block': 'bottleneck', 'depth': 3, 'width': 256, 'ratio': '1/4'}
    """
    stages = [
        _plain(dataclasses.replace(stage, shortcut=None) if follows(stage, w_in) else stage)
        for stage, w_in in zip(network.stages, network.input_widths, strict=True)
    ]
    return {**_plain(network), "stages": stages}


def follows(stage: Stage, w_in: int) -> bool:
    """Whether the shortcut of a stage is the one that its sizes imply."""
    return dataclasses.replace(stage, shortcut=None).settled(w_in) == stage


def _plain(part: Network | Stage) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if field.name == "stages" or value == field.default:
            continue
        if isinstance(value, Fraction):
            value = value.numerator if value.denominator == 1 else str(value)
        if not isinstance(value, (int, float, str)):
            raise InvalidInput(f"a network file holds ints, not {field.name} {value!r}")
        found[field.name] = value
    return found


def read(description: Mapping[str, Any], name: str = "network") -> Network:
    """The network of a description; ``name`` where it gives none. Raises InvalidInput that names field and value.

    >>> read({"stem": "conv3", "stem_width": 32, "stages": [{"block": "basic", "depth": 2, "width": "64"}]})
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: stage 1: width must be an integer up to 10^9, not '64'
    """
    if not isinstance(description, Mapping):
        raise InvalidInput(f"a network is described by named fields, not {_short(description)}")
    rows = description.get("stages", [])
    if not isinstance(rows, list):
        raise InvalidInput(f"stages must be a list of stages, not {_short(rows)}")
    stages = tuple(_part(Stage, row, where=f"stage {i}: ") for i, row in enumerate(rows, 1))
    network: Network = _part(Network, {"name": name, "family": FAMILY, **description, "stages": stages})
    network.complexity()  # what does not fit together is found by walking the tree
    return network


def load(path: Path) -> Network:
    """The network of a ``.toml`` or ``.json`` file. Raises InvalidInput, with the path, where it describes none."""
    try:
        text = path.read_bytes().decode()
        parsed = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text, object_pairs_hook=_once)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no valid {path.suffix[1:].upper()}: {error}") from None
    try:
        return read(parsed, path.stem)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def dump(network: Network, path: Path) -> None:
    """Writes a ``.toml`` or ``.json`` file for ``load``, whole or not at all. Raises InvalidInput for others."""
    formats: dict[str, Callable[[dict[str, Any]], str]] = {".toml": tomli_w.dumps, ".json": to_json}
    if path.suffix.lower() not in formats:
        raise InvalidInput(f"a network file ends in .toml or .json, not {path.name!r}")
    files.write(path, formats[path.suffix.lower()](describe(network)))


def to_json(description: dict[str, Any]) -> str:
    """A description as JSON text."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def _part(kind: type, row: Any, where: str = "") -> Any:
    """A ``Network`` or ``Stage`` from its fields, each checked for its type; their values are checked by the class."""
    if not isinstance(row, Mapping):
        raise InvalidInput(f"{where}named fields are needed, not {_short(row)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in row:
        if name not in fields:
            raise InvalidInput(f"{where}unknown field {name!r}: one of {', '.join(fields)}")
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in row:
            raise InvalidInput(f"{where}{name} is missing")
    values = {}
    for name, value in row.items():
        accepts, what = READERS[str(fields[name].type)]
        read_value = accepts(value)
        if read_value is None:
            raise InvalidInput(f"{where}{name} must be {what}, not {_short(value)}")
        values[name] = read_value
    try:
        return kind(**values)
    except InvalidInput as error:
        raise InvalidInput(f"{where}{error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a JSON object, each given once."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise InvalidInput(f"{next(name for name in names if names.count(name) > 1)!r} is given twice")
    return fields


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # of Python's own limit
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:60] + "..."


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value <= LARGEST else None


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _shortcut(value: Any) -> str | None:
    return value if isinstance(value, str) and value in get_args(Shortcut) else None


def _flag(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def _fraction(value: Any) -> Fraction | None:
    """An int, a decimal (as it is written) or text such as 1/4, but none with an exponent: it could be any size."""
    if type(value) is str and "e" in value.lower():
        return None
    try:
        return Fraction(str(value)) if type(value) in (int, float, str) and len(str(value)) < 40 else None
    except (ValueError, ZeroDivisionError):
        return None


WHOLE = "an integer up to 10^9"

# By the annotation of a field: what reads a value (None: refused), and what would be right.
READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "str": (_text, "text"),
    "int": (_whole, WHOLE),
    "Size": (_whole, WHOLE),
    "Size | None": (_whole, f"{WHOLE} (left out where there is none)"),
    "bool": (_flag, "true or false"),
    "float": (_number, "a number"),
    "Fraction": (_fraction, 'a number or a fraction such as "1/4"'),
    "Shortcut | None": (_shortcut, f"one of {', '.join(get_args(Shortcut))}"),
    "tuple[Stage, ...]": (lambda stages: stages, "a list of stages"),
}

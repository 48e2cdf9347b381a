"""A network as a small TOML or JSON file: the fields of ``Network``, with ``stages`` as a list of those of ``Stage``.

What has a default may be left out, and a shortcut that follows from the sizes is. Ratios are numbers or exact text such
as "1/4"; a resolution, kernel or dilation is one size or [height, width]. The same description is what
``export --to json`` prints. ``version`` says by which edition of these fields it is written; without one, by the first.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, get_args

import msgspec
import tomli_w
from msgspec import Meta

from complexity_theory.core import files, schema
from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, shown
from complexity_theory.core.sizes import pair
from complexity_theory.networks import traced_files
from complexity_theory.networks.kinds import Shortcut
from complexity_theory.networks.spec import Network, Stage
from complexity_theory.networks.traced import Traced

VERSION = 1
LARGEST_NUMBER = 10**9  # what a size of a file can be
FAMILY = "custom"  # of a network whose file names none
SUFFIXES = (".toml", ".json")

_STAGES = int(LIMITS["stages of a network"].most)
_WHOLE = "an integer up to 10^9"
_Whole = Annotated[int, Meta(le=LARGEST_NUMBER, description=_WHOLE)]
# (A bound on the int of this union makes msgspec 0.22 crash, so its sizes are checked by ``_part``.)
_Pair = Annotated[int | tuple[int, int], Meta(description=f"{_WHOLE} or [height, width]")]

# By the annotation of a field: its type in a file.
TYPES: dict[str, Any] = {
    "str": Annotated[str, Meta(description="text")],
    "int": _Whole,
    "Size": _Whole,
    "Size | None": Annotated[_Whole, Meta(description=f"{_WHOLE} (left out where there is none)")],
    "Pair": _Pair,
    "bool": Annotated[bool, Meta(description="true or false")],
    "float": Annotated[int | float, Meta(description="a number")],
    "Fraction": Annotated[int | float | str, Meta(description='a number or a fraction such as "1/4"')],
    "Shortcut | None": Annotated[str, Meta(description=f"one of {', '.join(get_args(Shortcut))}")],
}


STAGE: Any = schema.struct_of(Stage, TYPES, ("name", "family"))
NETWORK = schema.struct_of(
    Network,
    TYPES,
    ("name", "family"),
    version=Annotated[int, Meta(ge=1, le=VERSION, description=f"{VERSION}, the edition of network files known here")],
    stages=Annotated[
        GenericAlias(list, (STAGE,)),
        Meta(max_length=_STAGES, description=f"a list of stages, at most {_STAGES:,} of them"),
    ],
)


def describe(network: Network | Traced) -> dict[str, Any]:
    """A network as plain numbers, text and lists, without what has its default. Raises InvalidInput for sizes not int.

    A traced one as ``networks.traced_files`` has it.

    >>> from complexity_theory.zoo import network
    >>> describe(network("ResNet-50"))["stages"][0]
    {'block': 'bottleneck', 'depth': 3, 'width': 256, 'ratio': '1/4'}
    """
    if isinstance(network, Traced):
        return traced_files.describe(network)
    stages = [
        _plain(dataclasses.replace(stage, shortcut=None) if stage.follows(w_in) else stage)
        for stage, w_in in zip(network.stages, network.input_widths, strict=True)
    ]
    return {"version": VERSION, **_plain(network), "stages": stages}


def _plain(part: Network | Stage) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if field.name == "stages" or value == field.default:
            continue
        if isinstance(value, Fraction):
            value = value.numerator if value.denominator == 1 else str(value)
        elif isinstance(value, tuple) and all(type(size) is int for size in value):
            value = list(value)
        if not isinstance(value, (int, float, str, list)):
            raise InvalidInput(f"a network file holds ints, not {field.name} {value!r}")
        found[field.name] = value
    return found


def read(description: Mapping[str, Any], name: str = "network") -> Network | Traced:
    """The network of a description; ``name`` where it gives none. Raises InvalidInput that names field and value.

    >>> read({"stem": "conv3", "stem_width": 32, "stages": [{"block": "basic", "depth": 2, "width": "64"}]})
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: stage 1: width must be an integer up to 10^9, not '64'
    """
    if traced_files.is_traced(description):
        return traced_files.read(description, name)
    found = schema.checked(description, NETWORK, "a network")
    stages = []
    for i, row in enumerate(found.stages, 1):
        stages.append(_part(Stage, row, where=f"stage {i}: "))
    network: Network = _part(Network, found, name=name, family=FAMILY, stages=tuple(stages))
    network.complexity()  # what does not fit together is found by walking the tree
    return network


def load_network(path: Path) -> Network | Traced:
    """The network of a ``.toml`` or ``.json`` file. Raises InvalidInput, with the path, where it describes none."""
    parsed = schema.read(path)
    try:
        return read(parsed, path.stem)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def dump(network: Network | Traced, path: Path) -> None:
    """Writes a ``.toml`` or ``.json`` file, whole or not at all. Raises InvalidInput for others."""
    formats: dict[str, Callable[[dict[str, Any]], str]] = dict(zip(SUFFIXES, (tomli_w.dumps, to_json), strict=True))
    if path.suffix.lower() not in formats:
        raise InvalidInput(f"a network file ends in {' or '.join(SUFFIXES)}, not {str(path)!r}")
    files.write(path, formats[path.suffix.lower()](describe(network)))


def to_json(description: dict[str, Any]) -> str:
    """A description as JSON text."""
    return json.dumps(description, indent=2, ensure_ascii=False) + "\n"


def _part(kind: type, row: msgspec.Struct, where: str = "", **given: Any) -> Any:
    """A ``Network`` or ``Stage`` from its fields in a file, which its class checks for their values."""
    values = dict(given)
    for field in dataclasses.fields(kind):
        value = getattr(row, field.name)
        if value is msgspec.UNSET or field.name == "stages":
            continue
        if field.type == "Fraction":
            value = _fraction(value, f"{where}{field.name}")
        elif field.type == "float":
            value = _number(value, f"{where}{field.name}")
        elif field.type == "Pair" and max(pair(value)) > LARGEST_NUMBER:
            raise InvalidInput(f"{where}{field.name} must be {_WHOLE} or [height, width], not {shown(value)}")
        elif field.name == "shortcut" and value not in get_args(Shortcut):
            raise InvalidInput(f"{where}shortcut must be one of {', '.join(get_args(Shortcut))}, not {shown(value)}")
        values[field.name] = value
    try:
        return kind(**values)
    except InvalidInput as error:
        raise InvalidInput(f"{where}{error}") from None


def _number(value: float, what: str) -> float:
    if not is_number(value):
        raise InvalidInput(f"{what} must be a number, not {shown(value)}")
    return float(value)


def _fraction(value: float | str, what: str) -> Fraction:
    """An int, a decimal (as it is written) or text such as 1/4, but none with an exponent: it could be any size."""
    text = str(value) if type(value) is not int or abs(value) <= LARGEST_NUMBER else ""
    try:
        if len(text) < 40 and not (isinstance(value, str) and "e" in text.lower()):
            return Fraction(text)
    except (ValueError, ZeroDivisionError):
        pass
    raise InvalidInput(f'{what} must be a number or a fraction such as "1/4", not {shown(value)}')

"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from complexity_theory.core.errors import InvalidInput


class Format(StrEnum):
    """Output formats of table-like commands."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


ResolutionOption = Annotated[
    str | None,
    typer.Option(metavar="SIDE|HxW", help="Input: its side, or height x width as 384x640; default: the network's own."),
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="FLOPS", help="Flops (multiply-adds) to reach, such as 8GF or 3.1e9.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="Form of the output.")]
DevicesOption = Annotated[
    list[str] | None,
    typer.Option("--device", help="A profile by name (`runtime devices`) or its .toml file; may be repeated."),
]
BatchOption = Annotated[int | None, typer.Option(help="Images per batch; default: each profile's median.")]
RoundingsOption = Annotated[
    list[str] | None,
    typer.Option("--rounding", help="Rounding rules to try; may be repeated. Default: pycls and pow2-groups."),
]
HeldResolutionOption = Annotated[
    str | None,
    typer.Option("--resolution", metavar="fixed|SIDE|HxW", help="fixed: the input stays as it is; else the input."),
]
MultipleOption = Annotated[int | None, typer.Option(help="What input sides are multiples of, as 32; default: 4.")]


NETWORK_HELP = (
    "A known network; a .toml or .json file; a .yaml of pycls; package.module:callable or file.py:callable, whose code "
    "is run; timm:NAME or torchvision:NAME."
)
InputOption = Annotated[
    str | None,
    typer.Option(
        "--input", metavar="CxHxW", help="Input of a network that is code, such as 3x384x640; default: 3x224x224."
    ),
]


def is_code(text: str) -> bool:
    """Whether a network is named as code: module:callable, file.py:callable, timm:NAME."""
    home, colon, name = text.rpartition(":")
    return bool(
        colon and len(home) > 1 and name and Path(text).suffix.lower() not in (".toml", ".json", ".yaml", ".yml")
    )


def network_of(text: str, resolution: str | None = None, given: str | None = None) -> Any:
    """The network of a name, a file or code, at an input as people write it (None: its own).

    A ``networks.spec.Network``, or of code and of traced files a ``networks.traced.Traced``.
    """
    from complexity_theory import zoo
    from complexity_theory.core.quantities import sides
    from complexity_theory.networks.traced import at as traced_at

    if is_code(text):
        if resolution is not None:
            raise InvalidInput("the input of a network that is code is given as --input, such as 3x384x640")
        need_torch()
        from complexity_theory.measurement.code import network_of as traced

        return traced(text, given)
    found = zoo.find(text)
    if given is not None:
        channels, *own = _sides_given(given)
        if channels != found.input().dims[0]:
            raise InvalidInput(f"{found.name} takes {found.input().dims[0]} channels, not those of {given}")
        resolution = "x".join(map(str, own))
    if resolution is None:
        return found
    at = sides(resolution, "--resolution" if given is None else "--input")
    return traced_at(found, at)


def _sides_given(text: str) -> list[int]:
    parts = text.split("x")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 8 and int(part) for part in parts):
        raise InvalidInput(f"an input is given by its sides, such as 3x384x640, not {text[:60]!r}")
    return [int(part) for part in parts]


def need_torch() -> None:
    """Raises InvalidInput where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise InvalidInput("a network that is code needs PyTorch: pip install 'complexity-theory[measure]'")


def shown_sides(resolution: int | tuple[int, int]) -> int | str:
    """The sides of an input for a table: a number, or as 384x640."""
    return "x".join(map(str, resolution)) if isinstance(resolution, tuple) else resolution


def held_network(text: str, resolution: str | None, given: str | None = None) -> tuple[Any, tuple[str, ...]]:
    """The network, at an input where ``resolution`` is one, and what stays: the input where it is ``fixed``."""
    if resolution == "fixed":
        return network_of(text, None, given), ("resolution",)
    return network_of(text, resolution, given), ()

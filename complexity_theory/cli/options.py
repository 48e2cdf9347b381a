"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from complexity_theory.networks.spec import Network


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


def network_of(text: str, resolution: str | None = None) -> Network:
    """The network of a name or a file, at an input as people write it (None: its own)."""
    from dataclasses import replace

    from complexity_theory import zoo
    from complexity_theory.core.quantities import sides

    found = zoo.find(text)
    return found if resolution is None else replace(found, resolution=sides(resolution, "--resolution"))


def shown_sides(resolution: int | tuple[int, int]) -> int | str:
    """The sides of an input for a table: a number, or as 384x640."""
    return "x".join(map(str, resolution)) if isinstance(resolution, tuple) else resolution


def held_network(text: str, resolution: str | None) -> tuple[Network, tuple[str, ...]]:
    """The network, at an input where ``resolution`` is one, and what stays: the input where it is ``fixed``."""
    if resolution == "fixed":
        return network_of(text), ("resolution",)
    return network_of(text, resolution), ()

"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from complexity_theory.core.errors import InvalidInput


class Format(StrEnum):
    """Output formats of table-like commands."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


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
ResolutionOption = Annotated[str | None, typer.Option(help="fixed: the resolution stays.")]
MultipleOption = Annotated[int | None, typer.Option(help="What input sides are multiples of, as 32; default: 4.")]


def fixed(resolution: str | None) -> list[str]:
    """The patterns of the knobs that stay."""
    if resolution not in (None, "fixed"):
        raise InvalidInput(f"--resolution takes the word fixed, not {resolution!r}")
    return [] if resolution is None else ["resolution"]

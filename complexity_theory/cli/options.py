"""Options that several commands share, with one name, one metavar and one help each. Nothing heavy is loaded here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

SCALING, DEVICE, OUTPUT, BLOCK = "Scaling", "Device", "Output", "Blocks"  # panels of help
WORK, PROTOCOL = "Work", "Protocol"

# Metavars and panels of parameters that do not bring their own, by name.
KNOWN: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        **{"networks": ("NETWORK,...", WORK), "strategies": ("STRATEGY,...", WORK), "factors": ("S,...", WORK)},
        **{
            "layers": ("LAYER,...", WORK),
            "kernels": ("k,...", WORK),
            "widths": ("w,...", WORK),
            "group_widths": ("g,...", WORK),
        },
        **{"resolutions": ("SIDE,...", WORK), "batches": ("N,...", WORK), "dtypes": ("DTYPE,...", WORK)},
        **{"layouts": ("LAYOUT,...", WORK), "modes": ("MODE,...", WORK), "executions": ("EXECUTION,...", WORK)},
        **{"batch": ("N|auto:N", WORK), "dtype": ("DTYPE", WORK), "layout": ("LAYOUT", WORK), "mode": ("MODE", WORK)},
        **{"compiled": ("", WORK), "strategy": ("STRATEGY", WORK), "factor": ("S", WORK), "resolution": ("SIDE", WORK)},
        **{"size": ("CxHxW", WORK), "study": ("STUDY", None), "recipe": ("RECIPE", WORK), "data": ("DATA", WORK)},
        **{"seeds": ("N", WORK), "epochs": ("N", WORK), "quick": ("", None), "run_modules": ("", None)},
        **{"device": ("DEVICE", DEVICE), "threads": ("N", DEVICE), "engine": ("local|ray", DEVICE)},
        **{"address": ("ADDRESS", DEVICE), "processes": ("N", DEVICE)},
        **{"rounds": ("N", PROTOCOL), "budget": ("TIME", PROTOCOL), "time_limit": ("TIME", PROTOCOL)},
        **{"seed": ("N", PROTOCOL), "retry": ("", PROTOCOL)},
        **{"store": ("FILE", OUTPUT), "checkpoints": ("FOLDER", OUTPUT), "figure": ("FILE", OUTPUT)},
        **{"export": ("FILE", OUTPUT), "output": ("FILE", OUTPUT), "tables": ("FOLDER", None)},
    }
)


class Format(StrEnum):
    """Output formats of table-like commands."""

    text = "text"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    latex = "latex"


NETWORK_HELP = (
    "A known network (`networks` lists them); a .toml or .json file; a .yaml of pycls; package.module:callable or "
    "file.py:callable, whose code is run; timm:NAME or torchvision:NAME."
)
STRATEGY_HELP = (
    "d, w, r, dw, dr, wr, dwr or dWr (case matters: dwr is not dWr), fast:0.6 or fast:3/5 (fast:alpha for the symbol), "
    "or letters of dwgr, each once, as dwg or with weights as d1_w8_g8_r1."
)
RULE_HELP = "pycls (the default), pow2-groups, fine or efficientnet."
SHORT_STRATEGY_HELP = "d, w, r, dwr, dWr, fast:0.6, or weights as d1_w8_g8_r1."
DEVICE_HELP = "A profile by name (`runtime devices` lists them) or the .toml file of one."


def network_names(incomplete: str) -> list[str]:
    """Names of networks that begin as what is typed, for the shell; aliases, as regnety_040, where something is."""
    from complexity_theory import zoo

    names = zoo.names()
    others = tuple(alias for name in names for alias in zoo.aliases(name)) if incomplete else ()
    return _beginning(incomplete, (*names, *others))


def strategy_names(incomplete: str) -> list[str]:
    """Names of strategies that begin as what is typed, for the shell."""
    from complexity_theory.scaling.strategy import NAMED

    return _beginning(incomplete, (*NAMED, *(f"fast:{alpha}" for alpha in ("0.2", "0.4", "0.6"))))


def device_names(incomplete: str) -> list[str]:
    """Names of device profiles that begin as what is typed, for the shell."""
    from complexity_theory.devices import profile

    return _beginning(incomplete, profile.names())


def _beginning(incomplete: str, names: tuple[str, ...]) -> list[str]:
    """Those that begin so, in this case of letters: shells offer no others."""
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


NetworkArgument = Annotated[
    str, typer.Argument(metavar="NETWORK", help=NETWORK_HELP, autocompletion=network_names, show_default=False)
]
StrategyArgument = Annotated[
    str, typer.Argument(metavar="STRATEGY", help=STRATEGY_HELP, autocompletion=strategy_names, show_default=False)
]
StrategyOption = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="STRATEGY",
        help=f"Scaled first: {SHORT_STRATEGY_HELP}",
        autocompletion=strategy_names,
        rich_help_panel=SCALING,
    ),
]
FactorOption = Annotated[
    float | None,
    typer.Option(metavar="S", help="Scaling factor, in the strategy's own shares of flops.", rich_help_panel=SCALING),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target-flops",
        metavar="FLOPS",
        help="Multiply-adds to reach, instead of a factor: 3.1e9 or 8GF.",
        rich_help_panel=SCALING,
    ),
]
RoundingOption = Annotated[
    str | None,
    typer.Option(metavar="RULE", help=f"Rule that rounds the sizes: {RULE_HELP}", rich_help_panel=SCALING),
]
ResolutionOption = Annotated[
    str | None,
    typer.Option(metavar="SIDE|HxW", help="Input: its side, or height x width as 384x640; default: the network's own."),
]
InputOption = Annotated[
    str | None,
    typer.Option(
        "--input", metavar="CxHxW", help="Input of a network that is code, such as 3x384x640; default: 3x224x224."
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", help=DEVICE_HELP, autocompletion=device_names, rich_help_panel=DEVICE),
]
DevicesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="A profile by name (`runtime devices`) or its .toml file; may be repeated.",
        autocompletion=device_names,
        rich_help_panel=DEVICE,
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Images per batch; default: the profile's median.", rich_help_panel=DEVICE),
]
RoundingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rounding",
        metavar="RULE",
        help="Rounding rules to try; may be repeated. Default: pycls and pow2-groups.",
        rich_help_panel=SCALING,
    ),
]
HeldResolutionOption = Annotated[
    str | None,
    typer.Option(
        "--resolution",
        metavar="fixed|SIDE|HxW",
        help="fixed: the input stays as it is; else the input.",
        rich_help_panel=SCALING,
    ),
]
MultipleOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="What input sides are multiples of, as 32; default: 4.", rich_help_panel=SCALING),
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write to.", rich_help_panel=OUTPUT)
]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format", metavar="text|json|csv|markdown|latex", help="Form of the output.", rich_help_panel=OUTPUT
    ),
]

"""The command `measure profile`: the networks that tell most of a device, measured, and its profile."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from complexity_theory.cli.app import App
from complexity_theory.cli.measure_options import Execution, Single, with_options
from complexity_theory.core.errors import InvalidInput

QUICK, WHOLE = 4, 16  # networks
LARGEST_BATCH = 256  # images where the batch is searched


@with_options(Single, Execution)
def profile(
    single: Single,
    execution: Execution,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .toml file of the profile to write.")],
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK} networks: a minute or two.")] = False,
    networks: Annotated[int | None, typer.Option(min=1, metavar="N", help=f"How many, in place of {WHOLE}.")] = None,
) -> None:
    """A device's profile, from the few networks that tell most of it given what is known of other devices.

    They are chosen by design of experiments, for the device and settings at hand, and measured into the store; the
    profile is fitted to all networks that the store holds of these settings. Its intervals are as wide as so few
    networks ask for.
    """
    from complexity_theory.cli.measure_run import run
    from complexity_theory.devices.profile import write
    from complexity_theory.evidence.fitting import fit_profile
    from complexity_theory.evidence.loaders import load_table

    if output.suffix != ".toml":
        raise InvalidInput(f"a profile is a .toml file, not {output}")
    if quick and networks is not None:
        raise InvalidInput(f"--quick is {QUICK} networks: not with --networks {networks}")
    with closing(execution.start()) as engine:
        place = engine.describe()
    names = _telling(QUICK if quick else networks or WHOLE, single, place)
    print(f"the networks that tell most of {place['device_name']}: {', '.join(names)}", file=sys.stderr)
    failed = None
    try:
        run(single.study({"networks": names}), execution)
    except typer.Exit as error:
        if error.exit_code != 1:  # stopped; where networks failed, the others are fitted
            raise
        failed = error
    fitted = fit_profile(load_table(str(execution.store), setting=_setting(single, place)), output.stem)
    write(fitted, output)
    spread = fitted.kin or fitted.architecture
    print(
        f"wrote {output}: {fitted.n} measurements; 9 of 10 networks take {spread.low:.2f} to {spread.high:.2f} times "
        "what it predicts",
        file=sys.stderr,
    )
    if failed:
        raise failed


def _run_as(single: Single) -> dict[str, str]:
    return {
        "dtype": single.dtype,
        "layout": single.layout,
        "mode": single.mode,
        "execution": "compiled" if single.compiled else "eager",
    }


def _telling(count: int, single: Single, place: Mapping[str, Any]) -> list[str]:
    """The names of the networks to measure."""
    from complexity_theory import zoo
    from complexity_theory.core.limits import check_limit
    from complexity_theory.core.sizes import pair
    from complexity_theory.devices.design import SMALLEST, networks_to_measure

    how = _run_as(single)
    about = {
        "device": str(place["device_name"]),
        "kind": "cpu" if place["device"] == "cpu" else "gpu",
        "mode": "inference" if how["mode"] == "forward" else "training",
        "precision": how["dtype"],
        "layout": how["layout"],
        "execution": how["execution"],
    }
    batch = int(digits) if (digits := single.batch.rpartition(":")[2]).isdecimal() else LARGEST_BATCH
    check_limit("a batch", batch, "--batch")
    known = [one for one in map(zoo.network, zoo.names()) if min(pair(one.resolution)) >= SMALLEST]
    return [one.name for one in networks_to_measure(known, count, about, batch=batch)]


def _setting(single: Single, place: Mapping[str, Any]) -> dict[str, str]:
    from complexity_theory.evidence.loaders import SETTING

    here = {name: str(place[name]) for name in SETTING if name in place}
    return {**here, **_run_as(single), "regime": "latency" if single.batch == "1" else "throughput"}


def register(measure: App) -> None:
    """Adds the command of this module to those that measure."""
    measure.command(
        examples=["measure profile --quick -o mine.toml", "measure profile --device cuda --batch auto:256 -o mine.toml"]
    )(profile)

"""Commands of the front door: time layers and networks on a device, and read what was measured."""

from __future__ import annotations

import sys
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from complexity_theory.cli import measure_accuracy, measure_device, measure_profile
from complexity_theory.cli.app import MEASURE, App
from complexity_theory.cli.measure_options import Execution, Lists, Single, with_options
from complexity_theory.cli.measure_run import run
from complexity_theory.cli.options import Format, FormatOption
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    pass

measure = App(help="Time layers and networks on a device; results stay in a store.", no_args_is_help=True)


def register(app: App) -> None:
    """Adds the commands of this module."""
    measure_device.register(measure)
    measure_profile.register(measure)
    measure_accuracy.register(measure)
    app.add_typer(measure, name="measure", rich_help_panel=MEASURE)


class ExportFormat(StrEnum):
    """Forms of an export."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


StoreArgument = Annotated[Path, typer.Argument(metavar="STORE", help="A store of measurements.", show_default=False)]
RunModules = Annotated[
    bool,
    typer.Option("--run-modules", help="Allows a study file to name modules of yours, whose code runs in the workers."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Few jobs of small size: minutes on two CPU cores.")]


@measure.command(examples=["measure scaling --quick --device cpu", "measure scaling --device cuda --store gpu.sqlite"])
@with_options(Execution)
def scaling(execution: Execution, quick: Quick = False) -> None:
    """Scaled networks: EfficientNet-B0, RegNetY-500MF, RegNetZ-500MF under w, dw, dwr, dWr."""
    from complexity_theory.measurement import studies

    run(studies.load_study("scaling-quick" if quick else "scaling"), execution)


@measure.command(examples=["measure layers --quick --device cpu"])
@with_options(Execution)
def layers(execution: Execution, quick: Quick = False) -> None:
    """Single layers: dense, group and depthwise convolutions over widths and resolutions."""
    from complexity_theory.measurement import studies

    run(studies.load_study("layers-quick" if quick else "layers"), execution)


@measure.command(
    examples=[
        "measure sweep mine.toml --store mine.sqlite",
        "measure sweep --networks ResNet-18,ResNet-50 --strategies w,dWr --factors 1,4 --batches 8",
    ]
)
@with_options(Lists, Execution)
def sweep(
    lists: Lists,
    execution: Execution,
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A .toml file, or the name of a study.", show_default=False)
    ] = None,
    run_modules: RunModules = False,
) -> None:
    """A sweep of one's own: from a file, or the product of lists given as options."""
    run(lists.study(study, run_modules=run_modules), execution)


@measure.command(examples=["measure plan scaling-quick --store measurements.sqlite"])
@with_options(Lists, Execution)
def plan(
    lists: Lists,
    execution: Execution,
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help="A .toml file, or the name of a study.", show_default=False)
    ] = None,
    run_modules: RunModules = False,
) -> None:
    """What a sweep would run that the store does not hold yet, and how long it may take."""
    from complexity_theory.core import report
    from complexity_theory.measurement import sweep

    planned = lists.study(study, run_modules=run_modules)
    rules = execution.rules(planned.rules)
    with closing(execution.start()) as engine:
        planned = sweep.looked_up(planned, engine)
        stored = sweep.stored(execution.store, engine)
    left = {job: sweep.rounds_left(job, stored.get(job.key, []), rules) for job in planned.jobs}
    least, most = sweep.seconds(sum(left.values()), rules)
    rows = [{"job": str(job), "flops": job.description["flops"], "rounds": rounds} for job, rounds in left.items()]
    title = f"{sum(map(bool, left.values()))} of {len(left)} jobs to run: {least / 60:.1f} to {most / 60:.1f} minutes"
    report.emit(execution.form, [report.Table(rows, title)], {"jobs": rows, "seconds": [least, most]})


@measure.command(
    examples=[
        "measure network RegNetY-500MF --batch 8",
        "measure network EfficientNet-B0 --strategy dWr --factor 4 --mode train",
    ]
)
@with_options(Single, Execution)
def network(
    single: Single,
    execution: Execution,
    name: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A known network, or a .toml or .json file.", show_default=False)
    ],
    resolution: Annotated[int | None, typer.Option(help="Side of the input (default: the network's own).")] = None,
    strategy: Annotated[str | None, typer.Option(help="Scaled by a strategy, with --factor.")] = None,
    factor: Annotated[float | None, typer.Option(help="Of the flops, with --strategy.")] = None,
) -> None:
    """One network, as it is or scaled."""
    from complexity_theory.verbs.resolve import is_code

    if is_code(name):
        raise InvalidInput(f"{name} is code: use `measure module {name}`, or, scaled, the file that `scale -o` writes")
    given = {"networks": name, "resolutions": resolution, "strategies": strategy, "factors": factor}
    run(single.study({name: value for name, value in given.items() if value is not None}), execution)


@measure.command(
    examples=["measure module mine.py:make --input 3x64x64", "measure module torchvision.models:resnet18 --compiled"]
)
@with_options(Single, Execution)
def module(
    single: Single,
    execution: Execution,
    path: Annotated[
        str,
        typer.Argument(
            metavar="MODULE", help="package.module:callable, or folder/file.py:callable.", show_default=False
        ),
    ],
    size: Annotated[str, typer.Option("--input", help="channels x height x width.")] = "3x224x224",
) -> None:
    """Any torch module: what a function (or class) of yours returns. Its code is run, in worker processes.

    A module is looked for where Python looks and then in the current folder.
    """
    run(single.study({"modules": path, "inputs": size}), execution)


@measure.command(examples=["measure export measurements.sqlite -o measurements.csv"])
def export(
    store: StoreArgument,
    form: Annotated[
        ExportFormat, typer.Option("--format", metavar="csv|jsonl|parquet", help="Form of the output.")
    ] = ExportFormat.csv,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="(default: standard output)")] = None,
) -> None:
    """All that a store holds, a row per job: counts, times with all samples, environment."""
    from complexity_theory.core import files
    from complexity_theory.measurement.frame import EXPORTS, read

    if output is None and form == ExportFormat.parquet:
        raise InvalidInput("Parquet is a file: give -o FILE.parquet")
    content = EXPORTS[form](read(store))
    if output is None:
        sys.stdout.write(str(content))
    else:
        files.write(output, content)


@measure.command(examples=["measure exponents measurements.sqlite"])
def exponents(store: StoreArgument, form: FormatOption = Format.text) -> None:
    """With which exponents runtime grows in the scaling factor s, beside those of flops, params and acts."""
    from complexity_theory.core import report
    from complexity_theory.measurement.analysis import measured_exponents, records
    from complexity_theory.measurement.frame import read
    from complexity_theory.verbs.verifying import exponents_table

    rows = records(measured_exponents(read(store)))
    report.emit(form, [exponents_table(rows)], rows)


@measure.command(examples=["measure repeatability first.sqlite second.sqlite third.sqlite"])
def repeatability(
    stores: Annotated[
        list[Path], typer.Argument(metavar="STORE...", help="Stores of the same sweep, run several times.")
    ],
    form: FormatOption = Format.text,
) -> None:
    """How far apart the medians of each job lie in several runs."""
    from complexity_theory.core import report
    from complexity_theory.measurement.analysis import records
    from complexity_theory.measurement.analysis import repeatability as spreads
    from complexity_theory.measurement.frame import read

    rows = spreads([read(store) for store in stores])
    within = float((rows["spread"] < 0.1).mean())
    title = f"{within:.0%} of {len(rows)} jobs within 10% over {len(stores)} runs"
    jobs = records(rows.sort_values("spread"))
    report.emit(form, [report.Table(jobs, title)], {"runs": len(stores), "within_10_percent": within, "rows": jobs})

"""Commands of the front door: what predicts runtime, device profiles, predicted times and the choice of a scaling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from complexity_theory.cli.app import CHOOSE, App
from complexity_theory.cli.options import (
    OUTPUT,
    BatchOption,
    DeviceOption,
    DevicesOption,
    FactorOption,
    Format,
    FormatOption,
    HeldResolutionOption,
    InputOption,
    MultipleOption,
    NetworkArgument,
    RoundingOption,
    RoundingsOption,
    StrategyOption,
    TargetOption,
)
from complexity_theory.cli.printing import show
from complexity_theory.core import text
from complexity_theory.core.errors import InvalidInput

TABLE_HELP = (
    "A built-in table (v100-inference, v100-training, early-convolutions), a benchmark CSV of timm, a store of "
    "`measure`, or a CSV with columns network, seconds (per image) and batch."
)
TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help=TABLE_HELP, show_default=False)]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help="Chooses among what a file holds several of, as mode=training."),
]

FolderOption = Annotated[
    list[Path],
    typer.Option("--tables", metavar="FOLDER", help="Folders with the tables that `evidence/sources.toml` names."),
]
PriorOption = Annotated[
    Path | None,
    typer.Option(
        "--prior",
        metavar="FILE",
        help="What is known of other devices; default: the package's. `runtime prior`",
    ),
]


def register(app: App) -> None:
    """Adds the commands of this module; ``predict`` and ``compare`` also stand at the top."""
    runtime = App(
        name="runtime", help="What predicts time on a device: evidence, fits, predictions.", no_args_is_help=True
    )
    examples: dict[Callable[..., None], list[str]] = {
        correlate: ["runtime correlate v100-training"],
        evaluate: ["runtime evaluate v100-training", "runtime evaluate benchmark.csv --where mode=training"],
        fit: ["runtime fit measurements.sqlite -o mine.toml"],
        prior: ["runtime prior --tables ../shared/data -o prior.toml"],
        profiles: ["runtime profiles --tables ../shared/data -o profiles"],
        devices: ["runtime devices"],
        crossover: ["runtime crossover EfficientNet-B0 --device v100-training"],
    }
    for command, lines in examples.items():
        runtime.command(examples=lines)(command)
    app.add_typer(runtime, rich_help_panel=CHOOSE)
    examples = {
        predict: [
            "predict RegNetY-4.0GF --device rtx4090-eager-nchw",
            "predict EfficientNet-B0 --device v100-training --strategy dWr --target-flops 3.1GF",
        ],
        compare: ["compare EfficientNet-B0 --target-flops 3.1GF --device v100-training"],
    }
    for command, lines in examples.items():
        runtime.command(examples=[f"runtime {line}" for line in lines])(command)
        app.command(panel=CHOOSE, examples=lines)(command)


def correlate(table: TableArgument, where: WhereOption = None, form: FormatOption = Format.text) -> None:
    """How flops, params and acts go with measured time: correlations, and which ranks networks of equal flops right.

    Correlations of the logarithms and of the ranks first; linear r, which a single network may make, also without the
    architecture of the longest time. Intervals are 95% bootstrap intervals, clustered by architecture. Rankings are of
    pairs of networks within 10% of each other's flops whose times are at least 3% apart, as in `evaluate`.
    """
    from complexity_theory.verbs import evidence

    show(evidence.correlate(table, where=where), form)


def evaluate(
    table: TableArgument,
    scope: Annotated[
        str,
        typer.Option(
            metavar="SCOPE", help="core: RegNetX, RegNetY, RegNetZ, EfficientNet, ResNet, ResNeXt; extended: all."
        ),
    ] = "core",
    where: WhereOption = None,
    prior: PriorOption = None,
    form: FormatOption = Format.text,
) -> None:
    """How well the predictor and its rivals do on networks that they were not fitted to.

    Networks are held out with their kin (RegNetX, Y and Z together; ResNet with ResNeXt). kin held out (lofo_mape):
    mean absolute relative error where other devices tell of the kin held out, this device never; known nowhere
    (new_kin_mape): where none does; from four (few_mape): of all others, from the four networks that tell most;
    one held out (loo_mape): leaving an architecture out. With kin held out: bias, spearman, ranking (of pairs of equal
    flops, as in `correlate`, by a model that has seen the kin of neither) and coverage (share within the interval of 9
    of 10, made without their kin). With 95% bootstrap intervals by architecture.
    """
    from complexity_theory.verbs import evidence

    show(evidence.evaluate(table, scope=scope, where=where, prior=prior), form)


def fit(
    table: TableArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The .toml file to write.", rich_help_panel=OUTPUT)
    ],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the profile; default: the file's.")] = None,
    where: WhereOption = None,
    prior: PriorOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Fits the predictor to measured times and writes the device's profile, for `predict` and `compare`.

    What other devices tell fills in what the table does not: four networks are enough for a first profile, whose
    intervals are then those of four networks on the devices of the prior.
    """
    from complexity_theory.verbs import evidence

    evidence.toml(output)
    found = evidence.fit(table, name=name or output.stem, where=where, prior=prior)
    found.write(output)
    show(found, form)
    text.say(f"wrote {output}: {found.profile.n} measurements")


def devices(form: FormatOption = Format.text) -> None:
    """The device profiles that come with the package: where they are from and how well they predict."""
    from complexity_theory.verbs import timing

    show(timing.list_devices(), form)


def prior(
    folder: FolderOption,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The .toml file to write.", rich_help_panel=OUTPUT)
    ],
    tune: Annotated[
        bool, typer.Option("--tune", help="Choose the variances anew, by cross-validation: minutes.")
    ] = False,
) -> None:
    """Learns what devices have in common from all tables at hand, and writes it, for `evaluate` and `fit`."""
    from complexity_theory.evidence import priors
    from complexity_theory.evidence.sources import loaded

    found = [table for _, _, table in loaded(folder)]
    learned = priors.learn(found, priors.tuned(found) if tune else None)
    priors.write(learned, output)
    text.say(f"wrote {output}: {len(found)} tables, {sum(known.networks for known in learned.tables)} measurements")


def profiles(
    folder: FolderOption,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="FOLDER", help="The folder of profiles to write.", rich_help_panel=OUTPUT
        ),
    ],
    prior: PriorOption = None,
) -> None:
    """Fits the profiles of all tables at hand again, those that come with the package first of all."""
    from complexity_theory.devices import profile as files
    from complexity_theory.devices.prior import load_prior
    from complexity_theory.evidence.fitting import fit_profile
    from complexity_theory.evidence.sources import loaded

    known = None if prior is None else load_prior(prior)
    for name, source, table in list(loaded(folder)):  # all are read before the first is written
        if source.profile:
            files.write(fit_profile(table, name, prior=known), output / f"{name}.toml")
            text.say(f"wrote {output / name}.toml: {len(table.known)} measurements")


def crossover(
    network: NetworkArgument = "EfficientNet-B0",
    given: InputOption = None,
    device: DevicesOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Where acts govern time and where flops do: a device's balance, and the s at which a scaled network reaches it."""
    from complexity_theory.verbs import timing

    show(timing.crossover(network, device or None, input=given), form)


def predict(
    network: NetworkArgument,
    device: DeviceOption,
    given: InputOption = None,
    strategy: StrategyOption = None,
    factor: FactorOption = None,
    target_flops: TargetOption = None,
    rounding: RoundingOption = None,
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Predicted time of a network on a device, per image, with the interval in which 9 of 10 networks lie; its memory.

    Memory: weights, with gradients and momentum in training; and the activations that are kept for a backward pass, or
    the most of them that live at once in inference; without workspaces.
    """
    from complexity_theory.verbs import timing

    found = timing.predict(
        network,
        device,
        input=given,
        batch=batch,
        strategy=strategy,
        factor=factor,
        target_flops=target_flops,
        rounding=rounding,
    )
    show(found, form)


def compare(
    network: NetworkArgument,
    device: DevicesOption = None,
    given: InputOption = None,
    target_flops: TargetOption = None,
    factor: FactorOption = None,
    rounding: RoundingsOption = None,
    resolution: HeldResolutionOption = None,
    multiple: MultipleOption = None,
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Which way to scale a network: every strategy at the target or factor, by predicted time, fastest first.

    low and high hold 9 of 10 networks. Of the rounding rules, the one whose network is faster is kept. Memory: weights,
    with gradients and momentum in training; and the activations that are kept for a backward pass, or the most of them
    that live at once in inference; without workspaces. Of several devices, the first decides the order.
    """
    from complexity_theory.choice.compare import ROUNDINGS
    from complexity_theory.verbs import timing

    if not device:
        raise InvalidInput("to compare times takes a --device (`runtime devices`)")
    found = timing.compare(
        network,
        device,
        target_flops,
        factor=factor,
        batch=batch,
        roundings=rounding or ROUNDINGS,
        resolution=resolution,
        input=given,
        multiple=multiple,
    )
    show(found, form)

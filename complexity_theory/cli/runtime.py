"""Commands of the front door: what predicts runtime, device profiles, predicted times and the choice of a scaling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import (
    NETWORK_HELP,
    BatchOption,
    DevicesOption,
    Format,
    FormatOption,
    HeldResolutionOption,
    InputOption,
    MultipleOption,
    RoundingsOption,
    TargetOption,
    held_network,
    network_of,
)
from complexity_theory.core import text
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from pandas import DataFrame

    from complexity_theory.devices.prior import Prior
    from complexity_theory.evidence.table import Table

TABLE_HELP = (
    "A built-in table (v100-inference, v100-training, early-convolutions), a benchmark CSV of timm, a store of "
    "`measure`, or a CSV with columns network, seconds (per image) and batch."
)
TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help=TABLE_HELP)]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="NAME=VALUE", help="Chooses among what a file holds several of, as mode=training."),
]
NetworkArgument = Annotated[str, typer.Argument(metavar="NETWORK", help=NETWORK_HELP)]
DeviceOption = Annotated[
    str, typer.Option("--device", help="A profile by name (`runtime devices`) or the .toml file of one.")
]
FolderOption = Annotated[
    list[Path], typer.Option("--tables", help="Folders with the tables that `evidence/sources.toml` names.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module; ``predict`` and ``compare`` also stand at the top."""
    runtime = typer.Typer(
        name="runtime", help="What predicts time on a device: evidence, fits, predictions.", no_args_is_help=True
    )
    for command in (correlate, evaluate, fit, prior, profiles, devices, crossover, predict, compare):
        runtime.command()(command)
    app.add_typer(runtime)
    app.command()(predict)
    app.command()(compare)


def _say(lines: list[str] | tuple[str, ...]) -> None:
    for line in lines:
        text.say(line)


def _load(source: str, where: list[str] | None) -> Table:
    from complexity_theory.evidence.loaders import load

    setting = {}
    for item in where or []:
        name, equals, value = item.partition("=")
        if not (name and equals):
            raise InvalidInput(f"--where takes NAME=VALUE, not {item!r}")
        setting[name] = value
    table = load(source, setting=setting)
    _say([f"note: {line}" for line in table.notes])
    return table


def _about(table: Table) -> dict[str, Any]:
    return {
        "table": table.name,
        "provenance": dict(table.provenance),
        "unknown": list(table.unknown),
        "mismatched": list(table.mismatched),
        "aside": list(table.aside),
        "notes": table.notes,
    }


def _rows(frame: DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame; NaN, which JSON does not know, as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _interval(row: dict[str, Any], name: str, digits: int = 2) -> str | None:
    if row[name] is None:
        return None
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.{digits}f}" + ("" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]")


def correlate(table: TableArgument, where: WhereOption = None, form: FormatOption = Format.text) -> None:
    """How flops, params and acts go with measured time: correlations, and which ranks networks of equal flops right.

    Correlations of the logarithms and of the ranks first; linear r, which a single network may make, also without the
    architecture of the longest time. Intervals are 95% bootstrap intervals, clustered by architecture. Rankings are of
    pairs of networks within 10% of each other's flops whose times are at least 3% apart, as in `evaluate`.
    """
    from complexity_theory.core import report
    from complexity_theory.evidence.correlation import correlations, rankings

    loaded = _load(table, where)
    found, ranked = _rows(correlations(loaded)), _rows(rankings(loaded))
    if form is Format.csv:
        report.emit(form, [report.Table(found), report.Table(ranked)])
        return
    names = {"pearson_log": "log r", "spearman": "rank", "pearson": "linear r"}
    head = ("family", "metric", "n")
    rows = [
        {
            **{n: row[n] for n in head},
            **{title: _interval(row, n) for n, title in names.items()},
            "without the largest": None if row["pearson_rest"] is None else f"{row['pearson_rest']:.2f}",
            "largest": row["largest"],
        }
        for row in found
    ]
    right = [
        {"metric": row["metric"], "pairs": row["pairs"], "ranked right": _interval(row, "accuracy")} for row in ranked
    ]
    report.emit(
        form,
        [
            report.Table(rows, f"Correlation with seconds per image: {loaded.name}"),
            report.Table(right, "Ranked right at equal flops"),
        ],
        {**_about(loaded), "correlations": found, "rankings": ranked},
    )


PriorOption = Annotated[
    Path | None, typer.Option("--prior", help="What is known of other devices; default: the package's. `runtime prior`")
]


def _prior(path: Path | None) -> Prior | None:
    from complexity_theory.devices.prior import load

    return None if path is None else load(path)


def evaluate(
    table: TableArgument,
    scope: Annotated[
        str, typer.Option(help="core: RegNetX, RegNetY, RegNetZ, EfficientNet, ResNet, ResNeXt; extended: all.")
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
    from complexity_theory.core import report
    from complexity_theory.evidence.evaluation import evaluate as evaluation

    loaded = _load(table, where)
    found = evaluation(loaded, scope, _prior(prior))
    title = f"{loaded.name}: {found['n']} measurements of {found['architectures']} networks, {scope} families"
    rows = [_score_row("the predictor", found)]
    rows += [_score_row(name, scores) for name, scores in found["baselines"].items()]
    kins = [
        {"held out": kin, "n": row["n"], "error": f"{row['mape']:.1%}", "bias": f"{row['bias']:+.1%}"}
        for kin, row in found["by_kin"].items()
    ]
    few = ", ".join(found["few"])
    report.emit(
        form,
        [report.Table(rows, title), report.Table(kins, f"The predictor, by kin held out (the four: {few})")],
        {**found, **_about(loaded)},
    )


SCORES = {
    "lofo_mape": ("kin held out", ".1%"),
    "new_kin_mape": ("known nowhere", ".1%"),
    "few_mape": ("from four", ".1%"),
    "loo_mape": ("one held out", ".1%"),
    "bias": ("bias", "+.1%"),
    "spearman": ("spearman", ".3f"),
    "ranking": ("ranking", ".1%"),
    "coverage": ("coverage", ".1%"),
}


def _score_row(name: str, scores: dict[str, Any]) -> dict[str, Any]:
    def shown(key: str, style: str) -> str | None:
        value, (low, high) = scores[key], scores["intervals"][key]
        if value is None:
            return None
        return format(value, style) + ("" if low is None else f" [{low:{style}}, {high:{style}}]")

    return {"model": name, **{title: shown(key, style) for key, (title, style) in SCORES.items()}}


def fit(
    table: TableArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .toml file to write.")],
    name: Annotated[str | None, typer.Option(help="Of the profile; default: the file's.")] = None,
    where: WhereOption = None,
    prior: PriorOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Fits the predictor to measured times and writes the device's profile, for `predict` and `compare`.

    What other devices tell fills in what the table does not: four networks are enough for a first profile, whose
    intervals are then those of four networks on the devices of the prior.
    """
    from complexity_theory.core import report
    from complexity_theory.devices.profile import write
    from complexity_theory.devices.terms import TERMS
    from complexity_theory.evidence.fitting import fit_profile

    if output.suffix != ".toml":
        raise InvalidInput(f"a profile is a .toml file, not {output}")
    loaded = _load(table, where)
    profile = fit_profile(loaded, name or output.stem, prior=_prior(prior))
    write(profile, output)
    _say([f"wrote {output}: {profile.n} measurements"])
    rows = [
        {"term": term, "seconds per unit": profile.coefficients[term], "unit": about.unit, "what": about.about}
        for term, about in TERMS.items()
    ]
    report.emit(form, [report.Table(rows, f"{profile.name}, fitted to {loaded.name}")], profile.as_dict())


def devices(form: FormatOption = Format.text) -> None:
    """The device profiles that come with the package: where they are from and how well they predict."""
    from complexity_theory.core import report
    from complexity_theory.devices.profile import load, names

    rows = []
    for name in names():
        profile = load(name)
        about = profile.provenance
        rows.append(
            {
                "device": name,
                "mode": profile.mode,
                "precision": about.get("precision"),
                "layout": about.get("layout"),
                "execution": about.get("execution"),
                "batch": profile.batch,
                "measurements": profile.n,
                "families": len(profile.families),
                "error, known kin": profile.architecture.mape,
                "error, new kin": None if profile.kin is None else profile.kin.mape,
                "9 of 10 within": None if profile.kin is None else f"x {profile.kin.low:.2f} to {profile.kin.high:.2f}",
                "covered": None if profile.kin is None else profile.kin.coverage,
            }
        )
    report.emit(form, [report.Table(rows)])


def prior(
    folder: FolderOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .toml file to write.")],
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
    _say([f"wrote {output}: {len(found)} tables, {sum(known.networks for known in learned.tables)} measurements"])


def profiles(
    folder: FolderOption,
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of profiles to write.")],
    prior: PriorOption = None,
) -> None:
    """Fits the profiles of all tables at hand again, those that come with the package first of all."""
    from complexity_theory.devices import profile as files
    from complexity_theory.evidence.fitting import fit_profile
    from complexity_theory.evidence.sources import loaded

    for name, source, table in loaded(folder):
        if source.profile:
            files.write(fit_profile(table, name, prior=_prior(prior)), output / f"{name}.toml")
            _say([f"wrote {output / name}.toml: {len(table.known)} measurements"])


def crossover(
    network: NetworkArgument = "EfficientNet-B0",
    given: InputOption = None,
    device: Annotated[list[str] | None, typer.Option("--device", help="Profiles; default: all.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """Where acts govern time and where flops do: a device's balance, and the s at which a scaled network reaches it."""
    from complexity_theory.core import report
    from complexity_theory.devices import balance
    from complexity_theory.devices.profile import load, names

    base = network_of(network, None, given)
    rows = [balance.crossovers(base, load(name)) for name in device or names()]
    report.emit(form, [report.Table(rows, f"{base.name}: flops per act, and the s from which flops govern its time")])


def predict(
    network: NetworkArgument,
    device: DeviceOption,
    given: InputOption = None,
    strategy: Annotated[str | None, typer.Option(help="Scaled first, as in `scale`: d, w, r, dwr, dWr, ...")] = None,
    factor: Annotated[float | None, typer.Option(help="Of the flops, for --strategy.")] = None,
    target_flops: TargetOption = None,
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Predicted time of a network on a device, per image, with the interval in which 9 of 10 networks lie; its memory.

    Memory: weights, with gradients and momentum in training; and the activations that are kept for a backward pass, or
    the most of them that live at once in inference; without workspaces.
    """
    from dataclasses import asdict

    from complexity_theory.core import report
    from complexity_theory.devices.memory import memory
    from complexity_theory.devices.prediction import predict as predicted
    from complexity_theory.devices.profile import INTERVAL, load

    profile = load(device)
    chosen = network_of(network, None, given)
    if (strategy is None) != (factor is None and target_flops is None):
        raise InvalidInput("to scale takes --strategy and one of --factor and --target-flops")
    if strategy is not None:
        from complexity_theory.scaling.realise import scale

        chosen = scale(chosen, strategy, factor=factor, target_flops=target_flops).network
    found = predicted(chosen, profile, batch=batch)
    _say([f"warning: {line}" for line in found.warnings])
    counts = chosen.complexity().as_dict()
    held = memory(chosen, found.batch, profile)
    row = {"network": chosen.name, "device": profile.name, "mode": profile.mode, "batch": found.batch, **counts}
    times = {"ms per image": found.seconds * 1e3, "low": found.low * 1e3, "high": found.high * 1e3}
    room = {"memory, GiB": held.total / 2**30}
    shares = [
        {"term": name, "ms": value * 1e3, "share": f"{value / found.seconds:.0%}"}
        for name, value in found.terms.items()
    ]
    report.emit(
        form,
        [report.Table([{**row, **times, **room}]), report.Table(shares, "Where the time goes")],
        {
            **row,
            "resolution": chosen.resolution,
            "strategy": strategy,
            **asdict(found),
            "interval": INTERVAL,
            "memory": held.total,
            "memory_parts": asdict(held),
        },
    )


def compare(
    network: NetworkArgument,
    device: DevicesOption = None,
    size: InputOption = None,
    target_flops: TargetOption = None,
    factor: Annotated[float | None, typer.Option(help="A scaling factor instead of a target.")] = None,
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
    from complexity_theory.choice import compare as choice
    from complexity_theory.core import report
    from complexity_theory.core.quantities import quantity
    from complexity_theory.devices.profile import INTERVAL, load

    if not device:
        raise InvalidInput("to compare times takes a --device (`runtime devices`)")
    given = [load(name) for name in device]
    base, fix = held_network(network, resolution, size)
    target = None if target_flops is None else quantity(target_flops, "flops", "a target")
    choices, left_out = choice.compare(
        base,
        target,
        given,
        factor=factor,
        batch=batch,
        roundings=rounding or choice.ROUNDINGS,
        multiple=multiple,
        fix=fix,
    )
    rows = [found.as_dict() for found in choices]
    warned = choice.by_line((row["strategy"], line) for row in rows for line in row["warnings"])
    _say([f"warning: {line}" for line in warned])
    _say([f"left out: {line}" for line in left_out])
    names = [profile.name for profile in given]
    found, profile = choices[0].prediction, given[0]
    at = f"by {factor:g}" if target is None else f"at {target:.3g} flops"
    title = f"{base.name} {at} on {', '.join(names)} ({profile.mode}, batch {found.batch})"
    about = {"network": base.name, "device": profile.name, "mode": profile.mode, "batch": found.batch, "devices": names}
    report.emit(
        form,
        [report.Table([_compared(row, names) for row in rows], title)],
        {
            **about,
            "target_flops": target,
            "factor": factor,
            "interval": INTERVAL,
            "strategies": rows,
            "left_out": left_out,
        },
    )


def _compared(row: dict[str, Any], devices: list[str]) -> dict[str, Any]:
    shown = {name: row[name] for name in ("strategy", "rounding", "flops", "params", "acts", "resolution")}
    for name in devices:
        found, on = row["devices"][name], "" if len(devices) == 1 else f" on {name}"
        shown[f"ms per image{on}"] = found["seconds"] * 1e3
        if len(devices) == 1:
            shown |= {"low": found["low"] * 1e3, "high": found["high"] * 1e3}
    return {**shown, "memory, GiB": row["memory"] / 2**30}

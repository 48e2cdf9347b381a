"""Commands of the front door: what predicts runtime, device profiles, predicted times and the choice of a scaling."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import Format, FormatOption, TargetOption
from complexity_theory.core import text
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from pandas import DataFrame

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
NetworkArgument = Annotated[str, typer.Argument(metavar="NETWORK", help="A name, an alias, or a .toml or .json file.")]
DeviceOption = Annotated[
    str, typer.Option("--device", help="A profile by name (`runtime devices`) or the .toml file of one.")
]
BatchOption = Annotated[int | None, typer.Option(help="Images per batch; default: the profile's median.")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module; ``predict`` and ``compare`` also stand at the top."""
    runtime = typer.Typer(
        name="runtime", help="What predicts time on a device: evidence, fits, predictions.", no_args_is_help=True
    )
    for command in (correlate, evaluate, fit, devices, crossover, predict, compare):
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

    Intervals are 95% bootstrap intervals, clustered by architecture. Rankings are of pairs of networks within 10% of
    each other's flops whose times are at least 3% apart.
    """
    from complexity_theory.core import report
    from complexity_theory.evidence.correlation import correlations, rankings

    loaded = _load(table, where)
    found, ranked = _rows(correlations(loaded)), _rows(rankings(loaded))
    if form is Format.csv:
        report.emit(form, [report.Table(found), report.Table(ranked)])
        return
    names = ("pearson", "pearson_log", "spearman")
    head = ("family", "metric", "n")
    rows = [{**{n: row[n] for n in head}, **{n: _interval(row, n) for n in names}} for row in found]
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


def evaluate(
    table: TableArgument,
    scope: Annotated[
        str, typer.Option(help="core: RegNetX, RegNetY, RegNetZ, EfficientNet, ResNet, ResNeXt; extended: all.")
    ] = "core",
    where: WhereOption = None,
    form: FormatOption = Format.text,
) -> None:
    """How well the predictor and its rivals do on networks that they were not fitted to.

    lofo_mape, loo_mape: mean absolute relative error, leaving out a family (an architecture) at a time; median_ape,
    spearman and ranking (of equal-flops pairs): leaving out families. With 95% bootstrap intervals by architecture.
    """
    from complexity_theory.core import report
    from complexity_theory.evidence.evaluation import evaluate as evaluation

    loaded = _load(table, where)
    found = evaluation(loaded, scope)
    title = f"{loaded.name}: {found['n']} measurements of {found['architectures']} networks, {scope} families held out"
    rows = [_score_row("the predictor", found)]
    rows += [_score_row(name, scores) for name, scores in found["baselines"].items()]
    families = [
        {"held out": family, "n": row["n"], "error": f"{row['mape']:.1%}", "bias": f"{row['bias']:+.1%}"}
        for family, row in found["by_family"].items()
    ]
    report.emit(
        form,
        [report.Table(rows, title), report.Table(families, "The predictor, by family held out")],
        {**found, **_about(loaded)},
    )


def _score_row(name: str, scores: dict[str, Any]) -> dict[str, Any]:
    def shown(key: str, style: str) -> str | None:
        value, (low, high) = scores[key], scores["intervals"][key]
        if value is None:
            return None
        return format(value, style) + ("" if low is None else f" [{low:{style}}, {high:{style}}]")

    return {
        "model": name,
        "lofo_mape": shown("lofo_mape", ".1%"),
        "loo_mape": shown("loo_mape", ".1%"),
        "median_ape": shown("median_ape", ".1%"),
        "spearman": shown("spearman", ".3f"),
        "ranking": shown("ranking", ".1%"),
    }


def fit(
    table: TableArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .toml file to write.")],
    name: Annotated[str | None, typer.Option(help="Of the profile; default: the file's.")] = None,
    where: WhereOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Fits the predictor to measured times and writes the device's profile, for `predict` and `compare`."""
    from complexity_theory.core import report
    from complexity_theory.devices import profile as profiles
    from complexity_theory.devices.terms import TERMS
    from complexity_theory.evidence.fitting import fit_profile

    if output.suffix != ".toml":
        raise InvalidInput(f"a profile is a .toml file, not {output}")
    loaded = _load(table, where)
    profile = fit_profile(loaded, name or output.stem)
    profiles.write(profile, output)
    _say([f"wrote {output}: {profile.n} measurements"])
    rows = [
        {"term": term, "seconds per unit": profile.coefficients[term], "unit": about.unit, "what": about.about}
        for term, about in TERMS.items()
    ]
    report.emit(form, [report.Table(rows, f"{profile.name}, fitted to {loaded.name}")], profile.as_dict())


def devices(form: FormatOption = Format.text) -> None:
    """The device profiles that come with the package: where they are from and how well they predict."""
    from complexity_theory.core import report
    from complexity_theory.devices import profile as profiles

    rows = []
    for name in profiles.names():
        profile = profiles.load(name)
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
                "error, known family": profile.architecture.mape,
                "error, new family": None if profile.family is None else profile.family.mape,
            }
        )
    report.emit(form, [report.Table(rows)])


def crossover(
    network: NetworkArgument = "EfficientNet-B0",
    device: Annotated[list[str] | None, typer.Option("--device", help="Profiles; default: all.")] = None,
    form: FormatOption = Format.text,
) -> None:
    """Where acts govern time and where flops do: a device's balance, and the s at which a scaled network reaches it."""
    from complexity_theory import zoo
    from complexity_theory.core import report
    from complexity_theory.devices import balance
    from complexity_theory.devices import profile as profiles

    base = zoo.find(network)
    rows = [balance.crossovers(base, profiles.load(name)) for name in device or profiles.names()]
    report.emit(form, [report.Table(rows, f"{base.name}: flops per act, and the s from which flops govern its time")])


def predict(
    network: NetworkArgument,
    device: DeviceOption,
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

    from complexity_theory import zoo
    from complexity_theory.core import report
    from complexity_theory.devices import profile as profiles
    from complexity_theory.devices.memory import memory

    profile = profiles.load(device)
    chosen = zoo.find(network)
    if (strategy is None) != (factor is None and target_flops is None):
        raise InvalidInput("to scale takes --strategy and one of --factor and --target-flops")
    if strategy is not None:
        from complexity_theory.scaling.realise import scale

        chosen = scale(chosen, strategy, factor=factor, target_flops=target_flops).network
    found = profiles.predict(chosen, profile, batch=batch)
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
            "interval": profiles.INTERVAL,
            "memory": held.total,
            "memory_parts": asdict(held),
        },
    )


def compare(
    network: NetworkArgument,
    device: DeviceOption,
    target_flops: Annotated[
        str, typer.Option("--target-flops", metavar="FLOPS", help="Multiply-adds, such as 8GF or 3.1e9.")
    ],
    batch: BatchOption = None,
    form: FormatOption = Format.text,
) -> None:
    """Which way to scale a network for a device: every strategy at the target, by predicted time, fastest first.

    low and high hold 9 of 10 networks. Memory: weights, with gradients and momentum in training; and the activations
    that are kept for a backward pass, or the most of them that live at once in inference; without workspaces.
    """
    from complexity_theory import zoo
    from complexity_theory.choice import compare as choice
    from complexity_theory.core import report
    from complexity_theory.core.quantities import quantity
    from complexity_theory.devices import profile as profiles

    profile = profiles.load(device)
    base = zoo.find(network)
    target = int(quantity(target_flops, "flops", "a target"))
    choices, left_out = choice.compare(base, target, profile, batch=batch)
    rows = [found.as_dict() for found in choices]
    _say([f"warning: {row['strategy']}: {line}" for row in rows for line in row["warnings"]])
    _say([f"left out: {line}" for line in left_out])
    shown = [
        {
            "strategy": row["strategy"],
            "flops": row["flops"],
            "params": row["params"],
            "acts": row["acts"],
            "resolution": row["resolution"],
            "ms per image": row["seconds"] * 1e3,
            "low": row["low"] * 1e3,
            "high": row["high"] * 1e3,
            "memory, GiB": row["memory"] / 2**30,
        }
        for row in rows
    ]
    found = choices[0].prediction
    title = f"{base.name} at {target:.3g} flops on {profile.name} ({profile.mode}, batch {found.batch})"
    about = {"network": base.name, "device": profile.name, "mode": profile.mode, "batch": found.batch}
    report.emit(
        form,
        [report.Table(shown, title)],
        {
            **about,
            "target_flops": target,
            "interval": profiles.INTERVAL,
            "strategies": rows,
            "left_out": left_out,
        },
    )

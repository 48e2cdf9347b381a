"""Tables of measured times from files: timm's benchmark CSV, the project's own store, and plain CSV."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features
from complexity_theory.evidence import published
from complexity_theory.evidence.table import LIMITS, Table, frame_of
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement import store
from complexity_theory.measurement.jobs import UNSCALED, ModuleSubject, NetworkSubject
from complexity_theory.networks import files
from complexity_theory.networks.spec import Network

TIMM_MODES = {"inference": "infer", "training": "train"}
STORE_MODES = {"forward": "inference", "backward": "training", "train": "training"}
MEASURED = (NetworkSubject.kind, ModuleSubject.kind)  # kinds of a store that are networks
# What tells the tables of one store apart: how a network is run (regime: latency, of one image, or throughput), where.
SETTING = (
    *("device_name", "dtype", "layout", "mode", "execution", "regime"),
    *("torch", "threads", "driver", "cuda", "cudnn", "cpu", "cpus", "system", "power_limit_w", "clock_limit_mhz"),
)
PLAIN = ("network", "seconds", "batch")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
GROUPED = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?")  # as 1,014.45 in timm's tables
LARGEST = 10**6  # resolution and batch
SHOWN = 80  # characters of a path, a name or a cell in a message
AGREEMENT = 0.02  # relative difference up to which a table's rounded counts are those of our network


def load(source: str, *, setting: Mapping[str, str] | None = None) -> Table:
    """The table of a built-in name, of a timm benchmark CSV, of a store of measurements, or of a plain CSV.

    A plain CSV has the columns network (a name of the zoo), seconds (per image) and batch, and may have resolution.
    ``setting`` chooses among what one file holds several of: mode (inference or training) of a timm CSV that has both;
    device_name, dtype, layout, mode, execution and regime (latency: one image; throughput) of a store. Raises
    InvalidInput for an unknown name, a file that is missing, empty or of another form, a value that is no number (thousands may be grouped, as 1,014.45, in timm's
    tables only) or that no measurement gives (``LIMITS``), and an ambiguous or unknown setting.

    >>> load("v100-training").provenance["device"]
    'NVIDIA V100'
    """
    chosen = dict(setting or {})
    path = Path(source)
    if source in published.names():
        if chosen:
            raise InvalidInput(f"the table {source} has one setting only, none to choose by {', '.join(chosen)}")
        return published.table(source)
    try:
        content = path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise InvalidInput(f"cannot read {source[:SHOWN]!r}: {error.strerror}") from None
    if content is None:
        known = ", ".join(published.names())
        raise InvalidInput(f"no table {source[:SHOWN]!r}: one of {known}, or the path of a CSV or store")
    if content.startswith(b"SQLite format 3"):
        return _from_store(path, chosen)
    return _from_csv(path, content, chosen)


def _from_csv(path: Path, content: bytes, chosen: dict[str, str]) -> Table:
    try:
        rows = pd.read_csv(io.BytesIO(content), comment="#", dtype=str, header=None)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as CSV: {' '.join(str(error).split())}") from None
    header = rows.iloc[0]
    repeated = header[header.notna() & header.duplicated()]
    if len(repeated):
        raise InvalidInput(f"{path} has more than one column {repeated.iloc[0][:SHOWN]}")
    data = rows[1:].set_axis(header, axis=1).reset_index(drop=True)
    modes = [mode for mode, prefix in TIMM_MODES.items() if f"{prefix}_samples_per_sec" in data]
    if "model" in data and modes:
        return _from_timm(path, data, _choice("mode", modes, chosen))
    missing = [name for name in PLAIN if name not in data]
    if missing:
        raise InvalidInput(
            f"{path} has no column {', '.join(missing)}: a table of times has {', '.join(PLAIN)} "
            "(or timm's model, infer_samples_per_sec, ... or train_samples_per_sec, ...)"
        )
    return _from_plain(path, data)


def _names(path: Path, column: pd.Series) -> pd.Series:
    if column.isna().any():
        raise InvalidInput(f"{path}: {column.name} of row {int(column.isna().argmax()) + 1} after the header is empty")
    return column


def _choice(name: str, known: list[str], chosen: dict[str, str]) -> str:
    """The one value of a setting, or the chosen one of several."""
    value = chosen.pop(name, None)
    if chosen:
        raise InvalidInput(f"{', '.join(chosen)} cannot be chosen here, only {name}")
    if value is None and len(known) == 1:
        return known[0]
    if value not in known:
        raise InvalidInput(f"choose {name} of {', '.join(known)}" + (f", not {value}" if value else ""))
    return value


def _numbers(
    path: Path, data: pd.DataFrame, column: str, names: pd.Series, *, grouped: bool = False, optional: bool = False
) -> list[float]:
    """A column as numbers, in which thousands may be ``grouped`` by commas.

    An ``optional`` one may have empty cells, or be missing as a whole (NaN).
    """
    if column not in data:
        if optional:
            return [float("nan")] * len(data)
        raise InvalidInput(f"{path} has no column {column}")
    values = []
    for name, cell in zip(names, data[column], strict=True):
        text = "" if pd.isna(cell) else cell.strip()
        if grouped and GROUPED.fullmatch(text):
            text = text.replace(",", "")
        if not (NUMBER.fullmatch(text) or (optional and not text)):
            raise InvalidInput(f"{path}: {column} of {name[:SHOWN]} is {text[:SHOWN]!r}, not a number as 1234.5")
        values.append(float(text or "nan"))
    return values


def _whole(name: str, what: str, value: float) -> int:
    if not (1 <= value <= LARGEST and value.is_integer()):
        raise InvalidInput(f"the {what} of {name} must be a whole number from 1 to {LARGEST:,}, not {value:g}")
    return int(value)


def _from_timm(path: Path, data: pd.DataFrame, mode: str) -> Table:
    prefix = TIMM_MODES[mode]
    names = _names(path, data["model"])
    rate, batch, side = (
        _numbers(path, data, f"{prefix}_{what}", names, grouped=True)
        for what in ("samples_per_sec", "batch_size", "img_size")
    )
    checks = {
        what: _numbers(path, data, column, names, grouped=True, optional=True)
        for what, column in (("params", "param_count"), ("acts", f"{prefix}_macts"))
    }
    fastest, slowest = (1 / seconds for seconds in LIMITS["seconds"])
    rows, unknown, mismatched = [], [], []
    for i, name in enumerate(names):
        if not zoo.knows(name):
            unknown.append(name)
            continue
        network = replace(zoo.network(name), resolution=_whole(name, "resolution", side[i]))
        wrong = _differences(network, {what: millions[i] for what, millions in checks.items()})
        if wrong:
            mismatched.append(f"{name} ({wrong})")
            continue
        if not slowest <= rate[i] <= fastest:
            raise InvalidInput(
                f"{path}: {prefix}_samples_per_sec of {name} must be from {slowest:g} to {fastest:g}, not {rate[i]:g}"
            )
        rows.append(
            {
                "name": name,
                "network": network,
                "seconds": 1 / rate[i],
                "batch": _whole(name, "batch", batch[i]),
                "twin": name.startswith("tf_"),
            }
        )
    if not rows:
        raise InvalidInput(f"{path} has no network that the zoo knows (see `complexity-theory networks`)")
    return Table(
        path.stem,
        frame_of(rows),
        {**timm_provenance(path), "mode": mode},
        tuple(dict.fromkeys(unknown)),
        tuple(mismatched),
    )


def _differences(network: Network, millions: Mapping[str, float]) -> str:
    """Where a table's counts, rounded to 10^4, are not those of our network; empty where they are, or are missing.

    Its acts are the outputs of convolutions and linear layers (without pooling).
    """
    own = network_features(network)
    counts = {"params": own.params, "acts": own.conv_outputs + network.classes}
    return ", ".join(
        f"{what}: {value}M, ours {counts[what] / 1e6:.2f}M"
        for what, value in millions.items()
        if abs(counts[what] / 1e6 - value) > AGREEMENT * value + 0.005
    )


def timm_provenance(path: Path) -> dict[str, str]:
    """What the name of a timm benchmark file says of how it was measured.

    >>> timm_provenance(Path("benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv"))["execution"]
    'compiled'
    """
    words = path.stem.split("-")
    about = {"source": f"timm (github.com/huggingface/pytorch-image-models), results/{path.name}"}
    software = [word for word in words if re.fullmatch(r"(pt|cu|ngc)\d+", word)]
    precision = [word for word in words if word in ("amp", "fp32", "fp16", "bf16", "tf32")]
    layout = [word for word in words if word in ("nchw", "nhwc")]
    compiled = [word for word in words if word in ("dynamo", "inductor", "compile")]
    known = {"benchmark", "infer", "train", *software, *precision, *layout, *compiled}
    about["device"] = " ".join(word for word in words if word not in known)
    about["software"] = " ".join(software)
    about["precision"] = " ".join(precision)
    about["layout"] = " ".join(layout)
    about["execution"] = "compiled" if compiled else "eager"
    return {name: value for name, value in about.items() if value}


def _from_plain(path: Path, data: pd.DataFrame) -> Table:
    names = _names(path, data["network"])
    seconds, batch = (_numbers(path, data, name, names) for name in ("seconds", "batch"))
    side = _numbers(path, data, "resolution", names) if "resolution" in data else None
    rows, unknown = [], []
    for i, name in enumerate(names):
        if not zoo.knows(name):
            unknown.append(name)
            continue
        network = zoo.network(name)
        network = network if side is None else replace(network, resolution=_whole(name, "resolution", side[i]))
        rows.append({"name": name, "network": network, "seconds": seconds[i], "batch": _whole(name, "batch", batch[i])})
    if not rows:
        raise InvalidInput(f"{path} has no network that the zoo knows (see `complexity-theory networks`)")
    return Table(path.stem, frame_of(rows), {"source": path.name}, tuple(dict.fromkeys(unknown)))


def settings(path: Path) -> list[dict[str, str]]:
    """The settings of the networks that a store holds, each of which is a table of its own, in order of their rows.

    Raises InvalidInput for a file that is no store.
    """
    data = _networks(path)
    rows = data[[name for name in SETTING if name in data]].astype(str).drop_duplicates().to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _networks(path: Path) -> pd.DataFrame:
    data = store.read(path)
    data = data[data["kind"].isin(MEASURED) & (data["status"] == "ok")]
    return data.assign(regime=data["batch"].eq(1).map({True: "latency", False: "throughput"}))


def _from_store(path: Path, chosen: dict[str, str]) -> Table:
    data = _one_setting(path, _networks(path), chosen)
    first = {name: str(data[name].iloc[0]) for name in SETTING if name in data}
    about = {
        "source": path.name,
        "device": first["device_name"],
        "mode": STORE_MODES[first["mode"]],
        "measured": first["mode"],
        "precision": first["dtype"],
        "layout": first["layout"],
        "execution": first["execution"],
        "software": f"torch {first['torch']}",
        **{name: first[name] for name in ("threads", "driver") if first.get(name, "None") != "None"},
    }
    try:
        return Table(path.stem, frame_of(_store_rows(data)), about)
    except (InvalidInput, ValueError, TypeError, LookupError) as error:
        raise InvalidInput(f"{path}: {error}") from None


def _one_setting(path: Path, data: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the setting that was chosen. Raises InvalidInput, with those there are, where it is not one."""
    known = [name for name in SETTING if name in data]
    shown = {name: data[name].astype(object).where(data[name].notna(), None).astype(str) for name in known}
    if unknown := [name for name in chosen if name not in SETTING]:
        raise InvalidInput(f"a store cannot be chosen from by {', '.join(unknown)}: by {', '.join(SETTING)}")
    for name, value in chosen.items():
        data = data[shown[name][data.index] == value] if name in shown else data[:0]
    if data.empty:
        raise InvalidInput(f"{path} holds no measured network" + (f" with {_equals(chosen)}" if chosen else ""))
    several = {name: sorted(shown[name][data.index].unique()) for name in known}
    choices = [f"{name}=... of {', '.join(values)}" for name, values in several.items() if len(values) > 1]
    if choices:
        raise InvalidInput(f"{path} holds several settings: choose by --where {'; '.join(choices)}")
    return data


def _equals(chosen: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in chosen.items())


def _store_rows(data: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in data.astype(object).where(data.notna(), None).to_dict("records"):
        scaled = row["strategy"] not in (None, UNSCALED)
        name = f"{row['network']} {row['strategy']} x{row['factor']:g}" if scaled else row["network"]
        network = _network_of(row["form"], row["description"])
        counts = {} if network else {column: row[column] for column in ("resolution", *METRICS)}
        yield {
            "name": name,
            "network": network,
            "architecture": name,
            "family": row["family"],
            "seconds": row["seconds_per_image"],
            "batch": row["batch"],
            "strategy": row["strategy"] if scaled else None,
            "factor": row["factor"],
            **counts,
        }


def _network_of(form: str | None, description: str | None) -> Network | None:
    """The network that a store describes, in a form that has features; None where its counts are all that is known."""
    return files.read(json.loads(description)) if form == "network" and description else None

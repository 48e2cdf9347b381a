"""Tables of measured times: built-in, from a CSV file (``csv_files``), and from the project's own store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import read
from complexity_theory.core.limits import shown
from complexity_theory.evidence import csv_files, published
from complexity_theory.evidence.csv_files import NUMBER
from complexity_theory.evidence.table import TimeTable, frame_of
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement import schema
from complexity_theory.measurement.frame import read as read_frame
from complexity_theory.measurement.jobs import UNSCALED, ModuleSubject, NetworkSubject
from complexity_theory.networks import files
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

STORE_MODES = {"forward": "inference", "backward": "training", "train": "training"}
MEASURED = (NetworkSubject.kind, ModuleSubject.kind)  # kinds of a store that are networks
# What tells the tables of one store apart: how a network is run (regime: one image's latency, or throughput), where.
SETTING = (
    *("device_name", "dtype", "layout", "mode", "execution", "regime"),
    *("torch", "threads", "driver", "cuda", "cudnn", "cpu", "cpus", "system", "power_limit_w", "clock_limit_mhz"),
)
CLOCKS = ("device_mhz", "cpu_mhz")  # of the conditions of a round
SAME_CLOCK = 0.1  # relative difference of clocks that is not worth a word


def load_table(source: str, *, setting: Mapping[str, str] | None = None) -> TimeTable:
    """The table of a built-in name, of a timm benchmark CSV, of a store of measurements, or of a plain CSV.

    A plain CSV has the columns network (a name of the zoo, or the path of a network file), seconds (per image) and
    batch, and may have resolution; or, of networks without a description, family, flops, params and acts. Other names
    of columns, units of time in them, and separators: ``csv_files``. ``setting`` chooses among what one file holds
    several of: mode (inference or training) of a timm CSV that has both; of a store ``SETTING``.

    Rows with a value that is no number (thousands may be grouped, as 1,014.45, in timm's tables only) or that no
    measurement gives are set aside, with a note. Raises InvalidInput for an unknown name, a file that is missing, empty
    or of another form, one without any row that can be used, and an ambiguous or unknown setting.

    >>> load_table("v100-training").provenance["device"]
    'NVIDIA V100'
    """
    chosen = dict(setting or {})
    path = Path(source)
    if source in published.names():
        if chosen:
            raise InvalidInput(f"the table {source} has one setting only, none to choose by {', '.join(chosen)}")
        return published.table(source)
    if not os.path.lexists(source) or "\0" in source:
        known = ", ".join(published.names())
        raise InvalidInput(f"no table {shown(source)}: one of {known}, or the path of a CSV or store")
    if schema.is_database(path):
        return _from_store(path, chosen)
    return csv_files.table(path, read(path), lambda name, known: _choice(name, known, chosen))


def _choice(name: str, known: Sequence[str], chosen: dict[str, str]) -> str:
    """The one value of a setting, or the chosen one of several."""
    value = chosen.get(name, known[0] if len(known) == 1 else "")
    if others := [other for other in chosen if other != name]:
        raise InvalidInput(f"{', '.join(others)} cannot be chosen here, only {name}")
    if value not in known:
        raise InvalidInput(f"choose {name} of {', '.join(known)}" + (f", not {value}" if value else ""))
    return value


def settings(path: Path) -> list[dict[str, str]]:
    """The settings of the networks that a store holds, each of which is a table of its own, in order of their rows.

    Raises InvalidInput for a file that is no store.
    """
    rows = _shown(measured(path)).drop_duplicates().to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _shown(data: pd.DataFrame) -> pd.DataFrame:
    """What tells settings apart, as text: None where a device has none of it."""
    known = [name for name in SETTING if name in data]
    return data[known].map(lambda value: "None" if pd.isna(value) else str(value))


def measured(path: Path) -> pd.DataFrame:
    """The rows of ``frame.read`` that are networks and went well; ``regime``: latency (of one image) or throughput."""
    data = read_frame(path)
    data = data[data["kind"].isin(MEASURED) & (data["status"] == "ok")]
    return data.assign(regime=data["batch"].eq(1).map({True: "latency", False: "throughput"}))


def _from_store(path: Path, chosen: dict[str, str]) -> TimeTable:
    data = one_setting(path, measured(path), chosen)
    first = {name: str(data[name].iloc[0]) for name in SETTING if name in data}
    about = {
        "source": path.name,
        "device": first["device_name"],
        "kind": "cpu" if data["device"].iloc[0] == "cpu" else "gpu",
        "mode": STORE_MODES[first["mode"]],
        "measured": first["mode"],
        "precision": first["dtype"],
        "layout": first["layout"],
        "execution": first["execution"],
        "software": f"torch {first['torch']}",
        **{name: first[name] for name in ("threads", "driver") if first.get(name, "None") != "None"},
    }
    try:
        return TimeTable(path.stem, frame_of(_store_rows(data)), about, remarks=(*_clocks(data), *_untraced(data)))
    except (InvalidInput, ValueError, TypeError, LookupError, RecursionError) as error:
        raise InvalidInput(f"{path}: {error}") from None


def one_setting(path: Path, data: pd.DataFrame, chosen: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the setting that was chosen. Raises InvalidInput, with those there are, where it is not one."""
    shown = _shown(data)
    known = list(shown)
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


def _clocks(data: pd.DataFrame) -> Iterator[str]:
    """What is to be said of clocks that were not the same for all rounds."""
    for name in CLOCKS:
        found = [one[name] for text in data["conditions"] for one in json.loads(text) if one.get(name) is not None]
        mhz = [float(value) for value in found if NUMBER.fullmatch(str(value))]
        if mhz and max(mhz) > (1 + SAME_CLOCK) * min(mhz):
            span = f"{min(mhz):.0f} to {max(mhz):.0f}"
            yield f"rounds ran at {name} from {span}: times at different clocks are pooled"


def _equals(chosen: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in chosen.items())


def _store_rows(data: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in data.astype(object).where(data.notna(), None).to_dict("records"):
        scaled = row["strategy"] not in (None, UNSCALED)
        name = f"{row['network']} {row['strategy']} x{row['factor']:g}" if scaled else row["network"]
        network = network_of(row["form"], row["description"])
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


def network_of(form: str | None, description: str | None) -> Network | Traced | None:
    """The network that a store describes, in a form that has features; None where its counts are all that is known.

    Of a module it is the graph that a worker traced.
    """
    about = json.loads(description) if description else None
    if form == ModuleSubject.kind and about:
        about = about.get("network")
    return files.read(about) if about else None


def _untraced(data: pd.DataFrame) -> Iterator[str]:
    """Why modules have no features, a line each."""
    modules = data[(data["form"] == ModuleSubject.kind) & data["description"].notna()]
    for path, description in dict(zip(modules["network"], modules["description"], strict=True)).items():
        if why := json.loads(description).get("untraced"):
            yield f"{path} has counts alone, as it could not be traced: {why}"

"""Tables of measured times from CSV files: timm's benchmark results, and those that people write."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, check_count, check_limit, shown
from complexity_theory.devices.features import network_features
from complexity_theory.evidence.table import TimeTable, frame_of
from complexity_theory.graph.complexity import METRICS
from complexity_theory.networks.files import load_network as load_network
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced, at

TIMM_MODES = {"inference": "infer", "training": "train"}
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
GROUPED = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")  # as 1,014.45 in timm's tables
NETWORK_FILES = (".toml", ".json")
AGREEMENT = 0.02  # relative difference up to which timm's rounded counts are those of our network
COUNTERS = 0.1  # and up to which counts are those of our network, whatever counter they are of
CUSTOM = "custom"  # the family of a network of which only counts are known

# Other names of the columns, in lower case with _ for what is no letter or digit.
ALIASES = {
    "network": ("network", "model", "model_name", "name", "net", "architecture", "arch"),
    "batch": ("batch", "batch_size", "batchsize", "bs"),
    "resolution": ("resolution", "img_size", "image_size", "input_size", "img_res"),
    "family": ("family",),
    "flops": ("flops", "macs", "multiply_adds"),
    "params": ("params", "parameters", "param_count"),
    "acts": ("acts", "activations"),
}
UNITS = {
    **{"s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0},
    **{"ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3},
    **{"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6},
    **{"ns": 1e-9, "nanoseconds": 1e-9},
}
_TIMES = "time|times|latency|latencies|runtime|duration|elapsed|step_time|inference_time|forward_time"
TIME = re.compile(
    rf"(?:(?:mean|median|avg|average)_)?(?P<what>{_TIMES})?_?(?:in_)?(?P<unit>{'|'.join(UNITS)})?(?P<of>_per_(?:image|batch|step))?"
)
RATE = re.compile(r"(?:images|imgs|img|samples)_(?:per_)?(?:s|sec|second)|throughput|fps")
# Multiply-adds per second that are slower than any computer that runs such networks (a Raspberry Pi does more), and
# faster than any accelerator: then it is the unit that is wrong.
SLOWEST, FASTEST = 2e9, 2e15


@dataclass
class Rows:
    """The rows of a CSV as text, and what is set aside of them while they are read."""

    path: Path
    columns: list[str]
    lines: list[tuple[int, str]]  # with their numbers
    separator: str | None  # None: blanks
    aside: list[str] = field(default_factory=list)

    def read(self, row: Callable[[Mapping[str, str]], dict[str, Any] | None]) -> list[dict[str, Any]]:
        """What ``row`` makes of each row; one that it refuses is set aside, with the reason. None: left out."""
        found = []
        for line, text in self.lines:
            try:
                cells = _cells(text, self.separator)
                if len(cells) != len(self.columns):
                    raise InvalidInput(f"it has {len(cells)} cells, the header {len(self.columns)}")
                made = row(dict(zip(self.columns, cells, strict=True)))
            except InvalidInput as error:
                self.aside.append(f"line {line}: {error}")
                continue
            if made is not None:
                found.append(made)
        return found


def read(path: Path, content: bytes) -> Rows:
    """The rows of a CSV: UTF-8, comments behind #; separated by commas, semicolons, tabs or blanks, as its header is.

    Raises InvalidInput for what is no table, or larger than the limits.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} cannot be read as CSV: byte {error.start} is no UTF-8") from None
    if "\0" in text:
        raise InvalidInput(f"{path} cannot be read as CSV: it holds zero bytes")
    every = enumerate(re.split(r"\r\n|\n|\r", text), 1)
    lines = [(number, line) for number, line in every if line.strip() and not line.startswith("#")]
    if not lines:
        raise InvalidInput(f"{path} cannot be read as CSV: it is empty")
    check_count("rows of a table", len(lines) - 1, str(path))
    separator = next((mark for mark in (";", "\t", ",") if mark in lines[0][1]), None)
    try:
        columns = _cells(lines[0][1], separator)
    except InvalidInput as error:
        raise InvalidInput(f"{path} cannot be read as CSV: {error}") from None
    check_count("columns of a table", len(columns), str(path))
    for name in columns:
        if name and columns.count(name) > 1:
            raise InvalidInput(f"{path} has more than one column {shown(name)}")
    return Rows(path, columns, lines[1:], separator)


def _cells(line: str, separator: str | None) -> list[str]:
    """The cells of a line; separator None: blanks. Raises InvalidInput where they are too many, or too long."""
    try:
        (cells,) = csv.reader([line if separator else " ".join(line.split())], delimiter=separator or " ")
    except (csv.Error, ValueError) as error:
        raise InvalidInput(f"no cells of a table: {error}") from None
    most = int(LIMITS["characters of a cell"].most)
    if any(len(cell) > most for cell in cells):
        raise InvalidInput(f"a cell of more than {most:,} characters")
    return [cell.strip() for cell in cells]


def number(what: str, cell: str, *, grouped: bool = False) -> float:
    """A cell as a number, in which thousands may be ``grouped`` by commas. Raises InvalidInput, with the column."""
    if grouped and GROUPED.fullmatch(cell):
        cell = cell.replace(",", "")
    if not NUMBER.fullmatch(cell):
        raise InvalidInput(f"{what} is {shown(cell)}, not a number as 1234.5")
    return float(cell)


def whole(what: str, limit: str, value: float) -> int:
    """A whole number within a limit. Raises InvalidInput, with the column."""
    check_limit(limit, value, what)
    return int(value)


def table(path: Path, content: bytes, choose: Callable[[str, Sequence[str]], str]) -> TimeTable:
    """The table of a CSV file; ``choose``: called with a setting and its values where there is a choice.

    Raises InvalidInput for what is no table of times, and where no row can be used.
    """
    rows = read(path, content)
    modes = [mode for mode, prefix in TIMM_MODES.items() if f"{prefix}_samples_per_sec" in rows.columns]
    if "model" in rows.columns and modes:
        return _timm(rows, choose("mode", modes))
    return _plain(rows)


def _timm(rows: Rows, mode: str) -> TimeTable:
    prefix = TIMM_MODES[mode]
    needed = [f"{prefix}_{what}" for what in ("samples_per_sec", "batch_size", "img_size")]
    if missing := [column for column in needed if column not in rows.columns]:
        raise InvalidInput(f"{rows.path} has no column {', '.join(missing)}")
    unknown, mismatched = [], []

    def row(cells: Mapping[str, str]) -> dict[str, Any] | None:
        name = cells["model"]
        if not name:
            raise InvalidInput("model is empty")
        if not zoo.knows(name):
            unknown.append(name)
            return None
        rate, batch, side = (number(f"{column} of {name}", cells[column], grouped=True) for column in needed)
        network = replace(zoo.network(name), resolution=whole(f"resolution of {name}", "a resolution", side))
        counts = {"params": "param_count", "acts": f"{prefix}_macts"}
        given = {what: cells[column] for what, column in counts.items() if cells.get(column)}
        millions = {what: number(f"{counts[what]} of {name}", cell, grouped=True) for what, cell in given.items()}
        if wrong := _differences(network, millions):
            mismatched.append(f"{name} ({wrong})")
            return None
        fastest, slowest = 1 / LIMITS["seconds per image"].least, 1 / LIMITS["seconds per image"].most
        if not slowest <= rate <= fastest:
            raise InvalidInput(
                f"{prefix}_samples_per_sec of {name} must be from {slowest:g} to {fastest:g}, not {rate:g}"
            )
        count = whole(f"batch of {name}", "a batch", batch)
        twin = name.lower().startswith("tf_")
        return {"name": name, "network": network, "seconds": 1 / rate, "batch": count, "twin": twin}

    about = {**timm_provenance(rows.path), "mode": mode}
    return _table(rows, rows.read(row), about, unknown=unknown, mismatched=mismatched)


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


@dataclass(frozen=True)
class TimeColumn:
    """The column of times: its name, seconds of its unit (a rate: images per second) and whether it is of a batch."""

    column: str
    unit: float
    rate: bool = False
    of_batch: bool = False

    def seconds(self, value: float, batch: int) -> float:
        """Seconds per image."""
        if self.rate:
            return 1 / value if value > 0 else float("inf")
        return value * self.unit / (batch if self.of_batch else 1)


def _simple(name: str) -> str:
    return re.sub(r"[^a-z0-9µμ]+", "_", name.lower()).strip("_")


def _clock(rows: Rows) -> TimeColumn:
    """The one column of times. Raises InvalidInput where there is none, or several, or one without a unit."""
    found, nameless = [], []
    for column in rows.columns:
        simple = _simple(column)
        if RATE.fullmatch(simple):
            found.append(TimeColumn(column, 1.0, rate=True))
        elif simple and (said := TIME.fullmatch(simple)):
            of_batch = said["of"] in ("_per_batch", "_per_step")
            if said["unit"]:
                found.append(TimeColumn(column, UNITS[said["unit"]], of_batch=of_batch))
            elif said["what"]:
                nameless.append(column)
    if nameless and not found:
        name = nameless[0]
        raise InvalidInput(f"{rows.path}: column {name} has no unit: call it {name}_s, {name}_ms or {name}_us")
    if not found:
        raise InvalidInput(
            f"{rows.path} has no column seconds (or latency_ms, time_us, images_per_second, ...): {_NEEDED}"
        )
    exact = [clock for clock in found if clock.column == "seconds"] or found
    if len(exact) > 1:
        raise InvalidInput(f"{rows.path} has several columns of times: {', '.join(c.column for c in exact)}; leave one")
    return exact[0]


_NEEDED = (
    "a table of times has network, seconds (per image) and batch "
    "(or timm's model, infer_samples_per_sec, ... or train_samples_per_sec, ...)"
)


def _plain(rows: Rows) -> TimeTable:
    named = {}
    for what, aliases in ALIASES.items():
        columns = [column for alias in aliases for column in rows.columns if _simple(column) == alias]
        if columns:
            named[what] = columns[0]
    if missing := [what for what in ("network", "batch") if what not in named]:
        raise InvalidInput(f"{rows.path} has no column {', '.join(missing)}: {_NEEDED}")
    clock = _clock(rows)
    unknown: list[str] = []

    def row(cells: Mapping[str, str]) -> dict[str, Any] | None:
        given = {what: cells[column] for what, column in named.items()}
        name = given["network"]
        if not name:
            raise InvalidInput(f"{named['network']} is empty")
        batch = whole(f"{named['batch']} of {name}", "a batch", number(f"{named['batch']} of {name}", given["batch"]))
        seconds = clock.seconds(number(f"{clock.column} of {name}", cells[clock.column]), batch)
        check_limit("seconds per image", seconds, f"seconds of {name}")
        counts = _counts(name, {metric: given[metric] for metric in METRICS if given.get(metric)})
        network, side = _network(rows.path, name), None
        if network is None and not counts:
            unknown.append(name)
            return None
        if counts and len(counts) < len(METRICS):
            raise InvalidInput(f"{name} has {' and '.join(counts)}, not all of {', '.join(METRICS)}")
        about: dict[str, Any] = {"name": name, "network": network, "seconds": seconds, "batch": batch}
        if given.get("resolution"):
            column = f"{named['resolution']} of {name}"
            side = whole(column, "a resolution", number(column, given["resolution"]))
        if network is not None:
            network = at(network, side) if side else network
            own = network.complexity().as_dict()
            if all(abs(own[metric] - value) <= COUNTERS * value for metric, value in counts.items()):
                return about | {"network": network}
        family = given.get("family") or CUSTOM
        return about | {"network": None, "family": family, "resolution": side or float("nan"), **counts}

    found = rows.read(row)
    return _table(rows, found, {"source": rows.path.name}, unknown=unknown, remarks=_doubts(clock, found))


def _counts(name: str, cells: Mapping[str, str]) -> dict[str, float]:
    found = {metric: number(f"{metric} of {name}", cell) for metric, cell in cells.items()}
    for metric, value in found.items():
        check_limit(metric, value, f"{metric} of {name}")
        if not value > 0:
            raise InvalidInput(f"{metric} of {name} must be positive, not {value:g}")
    return found


def _network(path: Path, name: str) -> Network | Traced | None:
    """The network of a known name, or of a file, by its path from where the table is; None where it is neither."""
    if name.lower().endswith(NETWORK_FILES):
        return load_network(path.parent / name)
    return zoo.network(name) if zoo.knows(name) else None


def _doubts(clock: TimeColumn, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is to be said of times that can hardly be what their column says."""
    lines = []
    name = clock.column
    said = clock.rate or clock.of_batch or name == "seconds" or "image" in name.lower()
    if not said and any(row["batch"] > 1 for row in rows):
        lines.append(f"{name} is taken as of one image: call it {name}_per_batch if it is of a batch")
    flops = [row["network"].complexity().flops if row["network"] else row.get("flops") for row in rows]
    rates = sorted(f / row["seconds"] for f, row in zip(flops, rows, strict=True) if f)
    rate = rates[len(rates) // 2] if rates else SLOWEST
    if rate < SLOWEST:
        less = "milliseconds (then call it latency_ms)" if clock.unit == 1 else "of a smaller unit, or of a batch"
        slow = f"{rate:.2g} multiply-adds per second, fewer than a Raspberry Pi does"
        lines.append(f"{name} would mean {slow}: are the times {less}?")
    if rate > FASTEST:
        lines.append(f"{name} would mean {rate:.2g} multiply-adds per second, more than any device does")
    return lines


def _table(
    rows: Rows,
    found: Sequence[Mapping[str, Any]],
    about: dict[str, str],
    *,
    unknown: Sequence[str],
    mismatched: Sequence[str] = (),
    remarks: Sequence[str] = (),
) -> TimeTable:
    if not found:
        if rows.aside:
            raise InvalidInput(f"{rows.path} has no row that can be used: {rows.aside[0]}")
        raise InvalidInput(f"{rows.path} has no network that the zoo knows (see `complexity-theory networks`)")
    return TimeTable(
        rows.path.stem,
        frame_of(found),
        about,
        unknown=tuple(dict.fromkeys(unknown)),
        mismatched=tuple(mismatched),
        aside=tuple(rows.aside),
        remarks=tuple(remarks),
    )

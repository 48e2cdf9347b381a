"""Sweeps as data: lists of networks, layers or modules, times lists of settings, from TOML files or from options."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from complexity_theory.core import schema
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_count, shown
from complexity_theory.measurement.jobs import (
    UNSCALED,
    Job,
    LayerSubject,
    ModuleSubject,
    NetworkSubject,
    Settings,
    Subject,
)
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.scaling.strategy import parse

VERSION = 1  # of the files
PROTOCOL = schema.struct_of(Protocol, {"int": float, "float": float})  # whether whole: a protocol says it
LARGEST_BATCH = 256  # where the search of a batch begins, unless told otherwise: "auto", "auto:512"


_Texts = Annotated[str | list[str], Meta(description="text or a list of texts")]
_Wholes = Annotated[int | list[int], Meta(description="a whole number or a list of those")]
_Numbers = Annotated[int | float | list[int | float], Meta(description="a number or a list of numbers")]
_BATCHES = 'a number, "auto" or "auto:LARGEST", or a list of these'
_Batches = Annotated[int | str | list[int | str], Meta(description=_BATCHES)]


class SettingsFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What all tables of sweeps can say: how the subjects are run. A single value is a list of one."""

    batches: _Batches = Settings().batch
    dtypes: _Texts = Settings().dtype
    layouts: _Texts = Settings().layout
    modes: _Texts = Settings().mode
    executions: _Texts = Settings().execution


class NetworksFile(SettingsFile, forbid_unknown_fields=True, kw_only=True):
    """A sweep of networks."""

    networks: _Texts
    strategies: _Texts | None = None
    factors: _Numbers | None = None
    resolutions: _Wholes | None = None


class LayersFile(SettingsFile, forbid_unknown_fields=True, kw_only=True):
    """A sweep of single layers."""

    layers: _Texts
    kernels: _Wholes = 3
    widths: _Wholes = 64
    group_widths: _Wholes = 16
    resolutions: _Wholes = 56


class ModulesFile(SettingsFile, forbid_unknown_fields=True, kw_only=True):
    """A sweep of modules of others."""

    modules: _Texts
    inputs: _Texts = "3x224x224"


class StudyFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A file of sweeps."""

    version: Annotated[int, Meta(ge=1, le=VERSION, description=f"{VERSION}, the edition of studies known here")] = 1
    protocol: PROTOCOL | None = None  # type: ignore[valid-type]
    sweep: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1000, description="tables [[sweep]]")]


@dataclass(frozen=True, slots=True)
class Study:
    """What a file of sweeps says: the jobs, and the rules to time them by."""

    jobs: tuple[Job, ...]
    rules: Protocol


def names() -> tuple[str, ...]:
    """The studies that come with the package: files beside this module.

    >>> names()
    ('device-cpu', 'device-cuda', 'layers', 'layers-quick', 'profile', 'scaling', 'scaling-quick')
    """
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


def load_study(name_or_path: str, *, run_modules: bool = False) -> Study:
    """The study of a name or of a ``.toml`` file. Raises InvalidInput for others and for what it cannot read.

    To measure ``modules`` runs their code: a file that names some is refused unless ``run_modules``.

    A file has tables ``[[sweep]]``, each the product of its lists, and a table ``[protocol]`` with fields of
    ``Protocol``.

    >>> len(load_study("scaling-quick").jobs)
    15
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in names():
            raise InvalidInput(
                f"unknown study {shown(name_or_path)}: one of {', '.join(names())}, or the path of a .toml file"
            )
        path = Path(__file__).parent / f"{name_or_path}.toml"
    content = schema.read(path)
    try:
        found = schema.checked(content, StudyFile, "a file of sweeps")
        rules = Protocol(**schema.given(found.protocol) if found.protocol else {})
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None
    jobs: dict[Job, None] = {}
    for number, sweep in enumerate(found.sweep, 1):
        jobs |= dict.fromkeys(_expanded(path, number, sweep))
        check_count("jobs of a sweep", len(jobs), str(path))
    modules = [job.subject.path for job in jobs if isinstance(job.subject, ModuleSubject)]
    if modules and not run_modules:
        raise InvalidInput(f"{path} names modules ({modules[0]}), whose code would run: --run-modules allows it")
    return Study(tuple(jobs), rules)


def _expanded(path: Path, number: int, sweep: Mapping[str, Any]) -> list[Job]:
    try:
        return expand(sweep)
    except InvalidInput as error:
        raise InvalidInput(f"{path}, sweep {number}: {error}") from None


def expand(sweep: Mapping[str, Any]) -> list[Job]:
    """The jobs of one sweep: the product of its lists (a single value is a list of one), each job once.

    ``networks`` with ``strategies``, ``factors``, ``resolutions``; or ``layers`` (conv, group-conv, depthwise-conv)
    with ``kernels``, ``widths``, ``group_widths`` (of group-conv), ``resolutions``; or ``modules`` with ``inputs``
    ("3x224x224"). And of each: ``batches`` (a number, "auto" or "auto:512"), ``dtypes``, ``layouts``, ``modes``,
    ``executions``. At factor 1 all strategies are the same, so that it is one job. Raises InvalidInput for others.

    >>> [str(job) for job in expand({"layers": "conv", "kernels": [1, 3], "widths": 64, "resolutions": 28})]
    ['conv 1x1 w64 r28 b1', 'conv 3x3 w64 r28 b1']
    """
    kinds = [kind for kind in _SUBJECTS if kind in sweep]
    if len(kinds) != 1:
        raise InvalidInput(f"a sweep has one of {', '.join(_SUBJECTS)}, not {' and '.join(kinds) or 'none of them'}")
    file, subjects = _SUBJECTS[kinds[0]]
    found = schema.checked(dict(sweep), file, "a sweep")
    if empty := [name for name, value in msgspec.structs.asdict(found).items() if value == []]:
        raise InvalidInput(f"the list of {empty[0]} is empty: give one or more, or leave it out")
    lists = [value for value in msgspec.structs.asdict(found).values() if isinstance(value, list)]
    check_count("jobs of a sweep", math.prod(map(len, lists)), "it")
    choices = map(_listed, (found.batches, found.dtypes, found.layouts, found.modes, found.executions))
    settings = [
        Settings(**_batch(batch), dtype=dtype, layout=layout, mode=mode, execution=execution)
        for batch, dtype, layout, mode, execution in product(*choices)
    ]
    return list(dict.fromkeys(Job(subject, setting) for subject in subjects(found) for setting in settings))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _networks(sweep: NetworksFile) -> Iterator[Subject]:
    if sweep.strategies is not None and sweep.factors is None:
        raise InvalidInput(f"a strategy ({_listed(sweep.strategies)[0]}) needs factors of the flops, e.g. 1, 2, 4")
    strategies = _listed(UNSCALED if sweep.strategies is None else sweep.strategies)
    for strategy in strategies:
        if strategy != UNSCALED:
            parse(strategy)  # which refuses what is none, here, where the file and the sweep are told
    factors = _listed(1 if sweep.factors is None else sweep.factors)
    for name, resolution in product(_listed(sweep.networks), _listed(sweep.resolutions)):
        for factor, strategy in product(factors, strategies):
            if not factor > 0:
                raise InvalidInput(f"a factor must be positive, not {shown(factor)}")
            if factor != 1 and strategy == UNSCALED:
                raise InvalidInput(f"a factor of {factor:g} needs strategies, e.g. w, dw, dwr, dWr")
            yield NetworkSubject.of(name, UNSCALED if factor == 1 else strategy, factor, resolution)


def _layers(sweep: LayersFile) -> Iterator[Subject]:
    groups = {"conv": [None], "group-conv": _listed(sweep.group_widths), "depthwise-conv": [1]}
    for name in _listed(sweep.layers):
        if name not in groups:
            raise InvalidInput(f"unknown layer {shown(name)}: one of {', '.join(groups)}")
        sizes = product(_listed(sweep.kernels), _listed(sweep.widths), groups[name], _listed(sweep.resolutions))
        for kernel, width, group_width, resolution in sizes:
            yield LayerSubject(width, kernel, group_width, resolution)


def _modules(sweep: ModulesFile) -> Iterator[Subject]:
    for path, text in product(_listed(sweep.modules), _listed(sweep.inputs)):
        sizes = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})", text[:100])
        if not sizes:
            raise InvalidInput(f"an input is channels x height x width, as 3x224x224, not {shown(text)}")
        channels, height, width = map(int, sizes.groups())
        yield ModuleSubject(path, channels, height, width)


def _batch(value: int | str) -> dict[str, Any]:
    if isinstance(value, int):
        return {"batch": value}
    searched = re.fullmatch(r"auto(?::([0-9]{1,9}))?", value)
    if not searched:
        raise InvalidInput(f'a batch is a number, "auto" or "auto:LARGEST", not {shown(value)}')
    return {"batch": int(searched[1] or LARGEST_BATCH), "search": True}


# what is measured: the tables of a file, and the subjects that they give
_SUBJECTS: dict[str, tuple[type[SettingsFile], Callable[[Any], Iterator[Subject]]]] = {
    "networks": (NetworksFile, _networks),
    "layers": (LayersFile, _layers),
    "modules": (ModulesFile, _modules),
}

"""Sweeps as data: lists of networks, layers or modules, times lists of settings, from TOML files or from options."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.files import read_text
from complexity_theory.core.limits import check_count, shown
from complexity_theory.core.text import short
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

LARGEST_BATCH = 256  # where the search of a batch begins, unless told otherwise: "auto", "auto:512"


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
    try:
        content = tomllib.loads(read_text(path, "bytes of a study"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{path} is no sweep file: {error}") from None
    _check_keys(content, {"sweep", "protocol"}, str(path))
    sweeps, rules = content.get("sweep", []), content.get("protocol", {})
    if not (isinstance(sweeps, list) and sweeps and all(isinstance(sweep, dict) for sweep in sweeps)):
        raise InvalidInput(f"{path} has no table [[sweep]]")
    _check_keys(rules, {field.name for field in fields(Protocol)}, f"[protocol] of {path}")
    for name, value in rules.items():
        _check_type(value, (int, float), f"{name} of [protocol]")
    jobs = dict.fromkeys(job for number, sweep in enumerate(sweeps, 1) for job in _expanded(path, number, sweep))
    modules = [job.subject.path for job in jobs if isinstance(job.subject, ModuleSubject)]
    if modules and not run_modules:
        raise InvalidInput(f"{path} names modules ({modules[0]}), whose code would run: --run-modules allows it")
    try:
        return Study(tuple(jobs), Protocol(**rules))
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


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
    of_subject, subjects = _SUBJECTS[kinds[0]]
    _check_keys(sweep, {kinds[0], *of_subject, *_SETTINGS}, "a sweep")
    lists = {name: value if isinstance(value, list) else [value] for name, value in sweep.items()}
    for name, values in lists.items():
        if not values:
            raise InvalidInput(f"the list of {name} is empty: give one or more, or leave it out")
        for value in values:
            _check_type(value, (int, float, str), f"each of {name}")
    count = math.prod(len(values) for name, values in lists.items())
    check_count("jobs of a sweep", count, "it")
    settings = [
        Settings(**_batch(batch), dtype=dtype, layout=layout, mode=mode, execution=execution)
        for batch, dtype, layout, mode, execution in product(*(lists.get(n, [d]) for n, d in _SETTINGS.items()))
    ]
    return list(dict.fromkeys(Job(subject, setting) for subject in subjects(lists) for setting in settings))


def _networks(lists: Mapping[str, list[Any]]) -> Iterator[Subject]:
    if "strategies" in lists and "factors" not in lists:
        raise InvalidInput(f"a strategy ({lists['strategies'][0]}) needs factors of the flops, e.g. 1, 2, 4")
    resolutions = lists.get("resolutions", [None])
    for name, resolution in product(lists["networks"], resolutions):
        _check_type(name, str, "a network")
        for factor, strategy in product(lists.get("factors", [1]), lists.get("strategies", [UNSCALED])):
            _check_type(factor, (int, float), "a factor")
            _check_type(strategy, str, "a strategy")
            if not factor > 0:
                raise InvalidInput(f"a factor must be positive, not {shown(factor)}")
            if factor != 1 and strategy == UNSCALED:
                raise InvalidInput(f"a factor of {factor:g} needs strategies, e.g. w, dw, dwr, dWr")
            yield NetworkSubject.of(name, UNSCALED if factor == 1 else strategy, factor, resolution)


def _layers(lists: Mapping[str, list[Any]]) -> Iterator[Subject]:
    groups: dict[str, list[Any]] = {
        "conv": [None],
        "group-conv": lists.get("group_widths", [16]),
        "depthwise-conv": [1],
    }
    for name in lists["layers"]:
        if name not in groups:
            raise InvalidInput(f"unknown layer {shown(name)}: one of {', '.join(groups)}")
        for kernel, width, group_width, resolution in product(
            lists.get("kernels", [3]), lists.get("widths", [64]), groups[name], lists.get("resolutions", [56])
        ):
            yield LayerSubject(width, kernel, group_width, resolution)


def _modules(lists: Mapping[str, list[Any]]) -> Iterator[Subject]:
    for path, text in product(lists["modules"], lists.get("inputs", ["3x224x224"])):
        sizes = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})x([0-9]{1,9})", str(text)[:100])
        if not sizes:
            raise InvalidInput(f"an input is channels x height x width, as 3x224x224, not {shown(text)}")
        channels, height, width = map(int, sizes.groups())
        yield ModuleSubject(str(path), channels, height, width)


def _batch(value: Any) -> dict[str, Any]:
    searched = re.fullmatch(r"auto(?::([0-9]{1,9}))?", value) if isinstance(value, str) else None
    if searched:
        return {"batch": int(searched[1] or LARGEST_BATCH), "search": True}
    _check_type(value, int, 'a batch is a number, "auto" or "auto:LARGEST"; it')
    return {"batch": value}


def _check_keys(table: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise InvalidInput(f"{what} has unknown {short(', '.join(unknown), 100)}; known are {', '.join(sorted(known))}")


def _check_type(value: Any, kind: type | tuple[type, ...], what: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise InvalidInput(f"{what} must be {names}, not {shown(value)}")


# what is measured: the lists that go with it, and the subjects they give
_SUBJECTS: dict[str, tuple[set[str], Callable[[Mapping[str, list[Any]]], Iterator[Subject]]]] = {
    "networks": ({"strategies", "factors", "resolutions"}, _networks),
    "layers": ({"kernels", "widths", "group_widths", "resolutions"}, _layers),
    "modules": ({"inputs"}, _modules),
}
# the lists of settings, in the order of ``Settings``, with what stands where one is left out
_SETTINGS: dict[str, Any] = {
    "batches": Settings().batch,
    "dtypes": Settings().dtype,
    "layouts": Settings().layout,
    "modes": Settings().mode,
    "executions": Settings().execution,
}

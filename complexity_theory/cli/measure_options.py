"""The options of the commands that measure, as dataclasses that many commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import Format, FormatOption
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, check_limit

if TYPE_CHECKING:
    from complexity_theory.measurement.engines import Engine
    from complexity_theory.measurement.protocol import Protocol
    from complexity_theory.measurement.studies import Study


class EngineName(StrEnum):
    """Where workers run."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True, kw_only=True)
class Execution:
    """Where, how and into which store a sweep runs: the options of all commands that measure.

    Raises InvalidInput for what is no name of a device, or an address without a cluster.
    """

    store: Annotated[Path, typer.Option(help="The file of results; what it holds is not measured again.")] = Path(
        "measurements.sqlite"
    )
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:INDEX; auto is CUDA where there is one.")] = "auto"
    threads: Annotated[int | None, typer.Option(help="Threads of torch (default: as torch has them).")] = None
    engine: Annotated[EngineName, typer.Option(help="Where workers run.")] = EngineName.local
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster (default: one on this machine).")] = None
    rounds: Annotated[int | None, typer.Option(help="Rounds of each job (default: as the study says).")] = None
    budget: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds of samples of a noisy job, at most.")
    ] = None
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Seconds after which a round is ended.")
    ] = None
    seed: Annotated[int, typer.Option(help="Of the order in which rounds are interleaved.")] = 0
    retry: Annotated[bool, typer.Option("--retry", help="Run again what failed before.")] = False
    form: FormatOption = Format.text

    def __post_init__(self) -> None:
        from complexity_theory.measurement.jobs import check_device

        check_device(self.device)
        for limit, option, value in (
            ("threads", "--threads", self.threads),
            ("rounds", "--rounds", self.rounds),
            ("seconds of a protocol", "--budget", self.budget),
            ("seconds of a protocol", "--time-limit", self.time_limit),
        ):
            if value is not None:
                check_limit(limit, value, option)
        if self.address is not None and self.engine != EngineName.ray:
            raise InvalidInput("--address is that of a Ray cluster: it goes with --engine ray")

    def rules(self, study: Protocol) -> Protocol:
        """The rules of a study with those given here in their place; its rounds share a budget that is given."""
        rounds = self.rounds or study.rounds
        shared = study.max_time if self.budget is None else self.budget / rounds
        longest = min(study.max_time, max(shared, LIMITS["seconds of a protocol"].least))
        return replace(
            study,
            rounds=rounds,
            min_time=min(study.min_time, longest),
            max_time=longest,
            budget=self.budget or study.budget,
            limit=self.time_limit or study.limit,
        )

    def start(self) -> Engine:
        """The engine that was asked for."""
        from complexity_theory.measurement.engines import Local, Ray

        if self.engine == EngineName.ray:
            return Ray(self.device, self.threads, address=self.address)
        return Local(self.device, self.threads)


@dataclass(frozen=True, kw_only=True)
class Lists:
    """The lists of a sweep, each with commas; a sweep is their product."""

    networks: Annotated[str | None, typer.Option(help="Known networks, or .toml or .json files.")] = None
    strategies: Annotated[str | None, typer.Option(help="As in scale: w,dw,dwr,dWr.")] = None
    factors: Annotated[str | None, typer.Option(help="Of the flops: 1,2,4,8.")] = None
    layers: Annotated[str | None, typer.Option(help="conv, group-conv, depthwise-conv.")] = None
    kernels: Annotated[str | None, typer.Option(help="Of layers.")] = None
    widths: Annotated[str | None, typer.Option(help="Of layers.")] = None
    group_widths: Annotated[str | None, typer.Option(help="Of group-conv.")] = None
    resolutions: Annotated[str | None, typer.Option(help="Sides of the input (default: the networks' own).")] = None
    batches: Annotated[
        str | None, typer.Option(help="Images; auto:LARGEST is what fits, halved from LARGEST (256).")
    ] = None
    dtypes: Annotated[str | None, typer.Option(help="fp32, tf32, fp16, bf16.")] = None
    layouts: Annotated[str | None, typer.Option(help="nchw, channels_last.")] = None
    modes: Annotated[str | None, typer.Option(help="forward, backward (with forward), train (with optimizer).")] = None
    executions: Annotated[str | None, typer.Option(help="eager, compiled.")] = None

    def study(self, file: str | None, *, run_modules: bool) -> Study:
        """The study of a file or name, or else of these lists; ``run_modules``: those of a file are allowed."""
        from complexity_theory.measurement.protocol import Protocol
        from complexity_theory.measurement.studies import Study, expand, load_study

        given = {field.name: getattr(self, field.name) for field in fields(self)}
        lists = {name: _values(text) for name, text in given.items() if text is not None}
        if file is None:
            return Study(tuple(expand(lists)), Protocol())
        if lists:
            raise InvalidInput(f"either a study or lists of one's own: not {file} and --{next(iter(lists))}")
        return load_study(file, run_modules=run_modules)


@dataclass(frozen=True, kw_only=True)
class Single:
    """The settings of a single job."""

    batch: Annotated[str, typer.Option(help="Images; auto:LARGEST is what fits, halved from LARGEST.")] = "1"
    dtype: Annotated[str, typer.Option(help="fp32, tf32, fp16, bf16.")] = "fp32"
    layout: Annotated[str, typer.Option(help="nchw, channels_last.")] = "nchw"
    mode: Annotated[str, typer.Option(help="forward, backward (with forward), train (with optimizer).")] = "forward"
    compiled: Annotated[bool, typer.Option("--compiled", help="By torch.compile.")] = False

    def study(self, lists: dict[str, Any]) -> Study:
        """A study of what the lists say, as ``studies.expand`` reads them, under these settings alone."""
        from complexity_theory.measurement.protocol import Protocol
        from complexity_theory.measurement.studies import Study, expand

        settings = {
            "batches": _number(self.batch),
            "dtypes": self.dtype,
            "layouts": self.layout,
            "modes": self.mode,
            "executions": "compiled" if self.compiled else "eager",
        }
        return Study(tuple(expand(lists | settings)), Protocol())


def _values(text: str) -> list[Any]:
    return [_number(part) for part in text.split(",")]


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def with_options(*options: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the fields of dataclasses to the options of a command, which gets instances as its first arguments."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[len(options) :]
        added = {kind: inspect.signature(kind, eval_str=True).parameters for kind in options}

        def called(**given: Any) -> None:
            instances = [kind(**{name: given.pop(name) for name in names}) for kind, names in added.items()]
            command(*instances, **given)

        keyword = [p.replace(kind=p.KEYWORD_ONLY) for p in (*own, *(p for ps in added.values() for p in ps.values()))]
        called.__name__, called.__doc__ = command.__name__, command.__doc__
        called.__annotations__ = {p.name: p.annotation for p in keyword}
        called.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]  # of a function, for Typer
        return called

    return decorate

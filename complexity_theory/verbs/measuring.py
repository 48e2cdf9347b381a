"""The verb ``measure``: networks, layers and modules timed on a device, into a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.graph.complexity import METRICS
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

    from complexity_theory.measurement.engines import Engine
    from complexity_theory.measurement.jobs import Job
    from complexity_theory.measurement.studies import Study
    from complexity_theory.measurement.sweep import Reporter

STORE = "measurements.sqlite"


@dataclass(frozen=True, repr=False)
class Measured(Result):
    """What a store holds of the ``jobs`` of a study: ``records``, one each; ``ran``: rounds that were run for it."""

    jobs: tuple[Job, ...]
    store: Path
    records: tuple[dict[str, Any], ...]
    ran: int

    @property
    def failed(self) -> int:
        """How many jobs failed."""
        return sum(record["status"] != "ok" for record in self.records)

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """That nothing was to be done."""
        if self.ran:
            return ()
        return (f"nothing to do: all {len(self.jobs)} jobs are in {self.store} (--retry runs failed ones again)",)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        rows = [
            {
                "job": str(job),
                "batch": row["batch"],
                **{metric: row[metric] for metric in METRICS},
                "ms": row["median"] and 1e3 * row["median"],
                "IQR": row["median"] and f"{(row['p75'] - row['p25']) / row['median']:.0%}",
                "n": row["n"],
                "roofline": row["roofline"] and f"{row['roofline']:.0%}",
                "status": "noisy" if row["noisy"] else row["status"],
                "reason": row["reason"],
            }
            for job, row in zip(self.jobs, self.records, strict=True)
        ]
        return [Table(rows, optional=("n", "params"))]

    def as_dict(self) -> list[dict[str, Any]]:
        return list(self.records)

    def rows(self) -> list[dict[str, Any]]:
        return list(self.records)

    def summary(self) -> str:
        return f"{len(self.jobs)} jobs in {self.store}, {self.failed} failed"


def measure(
    what: Any,
    *,
    store: Any = STORE,
    device: str = "auto",
    threads: int | None = None,
    rounds: int | None = None,
    budget: float | None = None,
    seed: int = 0,
    retry: bool = False,
) -> Measured:
    """Times networks, layers or modules on a device, each round in a process of its own, into a store.

    ``what``: a study by name or ``.toml`` file, a network by name, or a mapping of lists as ``measure sweep`` takes
    them ({"networks": ["ResNet-18"], "batches": [1, 8]}). What the ``store`` holds is not measured again. ``device``:
    cpu, cuda or auto; ``rounds`` and ``budget`` (seconds): rules of timing other than the study's; ``retry``: what
    failed is run again. Needs PyTorch. Raises InvalidInput for what cannot be measured.
    """
    resolve.need_torch()
    from dataclasses import replace

    from complexity_theory.measurement.engines import Local
    from complexity_theory.measurement.jobs import check_device

    resolve.flag(retry, "retry")
    path = resolve.path(store, "a store")
    for name, value in (("threads", threads), ("rounds", rounds), ("seed", seed)):
        resolve.whole(value, name)
    check_device(resolve.text(device, "a device", "cpu"))
    study = _study(what)
    rules = replace(
        study.rules,
        rounds=study.rules.rounds if rounds is None else rounds,
        budget=study.rules.budget if budget is None else resolve.number(budget, "a budget"),
    )
    engine = Local(device, threads)
    return run(replace(study, rules=rules), path, engine, _Quiet(), seed=seed, retry=retry)


def run(study: Study, store: Path, engine: Engine, reporter: Reporter, *, seed: int | None, retry: bool) -> Measured:
    """Runs what a store does not hold of a study, on an engine, which is closed then; with a reporter of progress."""
    from complexity_theory.measurement import sweep
    from complexity_theory.measurement.analysis import records

    with closing(engine):
        study = sweep.looked_up(study, engine)
        ran, environment = sweep.measure(study, store, engine, reporter, seed=seed, retry=retry)
    frame = _frame(store, environment).loc[[job.key for job in study.jobs]]
    told = records(frame.drop(columns=["samples", "conditions", "description"], errors="ignore"))
    return Measured(tuple(study.jobs), store, tuple(told), ran)


def _frame(store: Path, environment: str) -> DataFrame:
    from complexity_theory.measurement.frame import read

    frame = read(store)
    return frame[frame.environment == environment].set_index("job", drop=False)


def _study(what: Any) -> Study:
    from complexity_theory.measurement.protocol import Protocol
    from complexity_theory.measurement.studies import Study, expand, load_study, names

    if isinstance(what, Study):
        return what
    if isinstance(what, Path):
        what = str(what)
    if isinstance(what, Mapping):
        return Study(tuple(expand({str(name): value for name, value in what.items()})), Protocol())
    if not isinstance(what, str):
        raise InvalidInput(f"what is measured is a study, a network by name, or lists, not {resolve.shown(what)}")
    if what in names() or what.endswith(".toml"):
        return load_study(what)
    return Study(tuple(expand({"networks": [what]})), Protocol())


class _Quiet:
    """A reporter that says nothing."""

    def begin(self, tasks: Sequence[Any], to_come: int) -> None:
        """Nothing."""

    def end(self, task: Any, outcome: Any) -> None:
        """Nothing."""

    def wait(self, rounds: int) -> None:
        """Nothing."""

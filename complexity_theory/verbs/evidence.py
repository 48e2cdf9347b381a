"""Verbs of the evidence: correlate, evaluate, fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table as Shown
from complexity_theory.devices.profile import Profile
from complexity_theory.evidence.table import TimeTable
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

    from complexity_theory.devices.prior import Prior

SCOPES = ("core", "extended")


def table(value: Any, where: Any = None) -> TimeTable:
    """A table of measured times by name or file (``evidence.loaders``), or as it is.

    ``where``: NAME=VALUE, or a mapping, that chooses among what a file holds several of. Raises InvalidInput otherwise.
    """
    from complexity_theory.evidence.loaders import load_table

    if isinstance(value, TimeTable):
        if where:
            raise InvalidInput(
                f"{value.name} is one table already: there is nothing to choose by {resolve.shown(where)}"
            )
        return value
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInput(f"a table is a name, a file or a Table, not {resolve.shown(value)}")
    return load_table(value, setting=_setting(where))


def _setting(where: Any) -> dict[str, str]:
    if where is None:
        return {}
    if isinstance(where, Mapping):
        return {str(name): str(value) for name, value in where.items()}
    found = {}
    for item in resolve.several(where, "where"):
        name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
        if not (name and equals):
            raise InvalidInput(f"--where takes NAME=VALUE, not {resolve.shown(item)}")
        found[name] = value
    return found


def _about(found: TimeTable) -> dict[str, Any]:
    return {
        "table": found.name,
        "provenance": dict(found.provenance),
        "unknown": list(found.unknown),
        "mismatched": list(found.mismatched),
        "aside": list(found.aside),
        "notes": found.notes,
    }


def _records(frame: DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame; NaN, which JSON does not know, as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _interval(row: Mapping[str, Any], name: str, digits: int = 2) -> str | None:
    if row[name] is None:
        return None
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.{digits}f}" + ("" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]")


@dataclass(frozen=True, repr=False)
class Correlated(Result):
    """How metrics go with measured time: ``correlations`` and ``rankings``, rows (``evidence.correlation``)."""

    table: TimeTable
    correlations: tuple[dict[str, Any], ...]
    rankings: tuple[dict[str, Any], ...]

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the table leaves out."""
        return tuple(self.table.notes)

    def report(self, form: str = "text") -> Sequence[Shown | str]:
        if form == "csv":
            return [Shown(self.correlations), Shown(self.rankings)]
        names = {"pearson_log": "log r", "spearman": "rank", "pearson": "linear r"}
        head = ("family", "metric", "n")
        rows = [
            {
                **{n: row[n] for n in head},
                **{title: _interval(row, n) for n, title in names.items()},
                "without the largest": None if row["pearson_rest"] is None else f"{row['pearson_rest']:.2f}",
                "largest": row["largest"],
            }
            for row in self.correlations
        ]
        right = [
            {"metric": row["metric"], "pairs": row["pairs"], "ranked right": _interval(row, "accuracy")}
            for row in self.rankings
        ]
        return [
            Shown(
                rows,
                f"Correlation with seconds per image: {self.table.name}",
                optional=("largest", "without the largest", "rank"),
            ),
            Shown(right, "Ranked right at equal flops"),
        ]

    def as_dict(self) -> dict[str, Any]:
        return {**_about(self.table), "correlations": list(self.correlations), "rankings": list(self.rankings)}

    def rows(self) -> Sequence[dict[str, Any]]:
        return self.correlations

    def summary(self) -> str:
        pooled = (row for row in self.correlations if row["family"] == "all")
        return f"{self.table.name}: " + ", ".join(f"{row['metric']} log r = {row['pearson_log']:.2f}" for row in pooled)


def correlate(table: Any, *, where: Any = None) -> Correlated:
    """How flops, params and acts go with measured time, and which ranks networks of equal flops right.

    ``table``: a name, a file or a ``TimeTable``. Intervals are 95% bootstrap intervals, clustered by architecture.

    >>> correlate("v100-training").summary()
    'v100-training: flops log r = 0.92, params log r = 0.90, acts log r = 0.98'
    """
    from complexity_theory.evidence.correlation import correlations, rankings

    loaded = _table(table, where)
    return Correlated(loaded, tuple(_records(correlations(loaded))), tuple(_records(rankings(loaded))))


_table = table


@dataclass(frozen=True, repr=False)
class Evaluated(Result):
    """How well the predictor and its rivals do on networks held out: ``scores`` (``evidence.evaluation.evaluate``)."""

    table: TimeTable
    scores: dict[str, Any]

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the table leaves out."""
        return tuple(self.table.notes)

    def report(self, form: str = "text") -> Sequence[Shown | str]:
        found = self.scores
        title = (
            f"{self.table.name}: {found['n']} measurements of {found['architectures']} networks, "
            f"{found['scope']} families"
        )
        rows = [_score_row("the predictor", found)]
        rows += [_score_row(name, scores) for name, scores in found["baselines"].items()]
        kins = [
            {"held out": kin, "n": row["n"], "error": f"{row['mape']:.1%}", "bias": f"{row['bias']:+.1%}"}
            for kin, row in found["by_kin"].items()
        ]
        few = ", ".join(found["few"])
        return [Shown(rows, title), Shown(kins, f"The predictor, by kin held out (the four: {few})")]

    def as_dict(self) -> dict[str, Any]:
        return {**self.scores, **_about(self.table)}

    def rows(self) -> list[dict[str, Any]]:
        every = {"the predictor": self.scores, **self.scores["baselines"]}
        return [
            {"model": name} | {key: scores[key] for key in SCORES if key in scores} for name, scores in every.items()
        ]

    def summary(self) -> str:
        return f"{self.table.name}: error {self.scores['lofo_mape']:.1%} with kin held out"


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
    def told(key: str, style: str) -> str | None:
        value, (low, high) = scores[key], scores["intervals"][key]
        if value is None:
            return None
        return format(value, style) + ("" if low is None else f" [{low:{style}}, {high:{style}}]")

    return {"model": name, **{title: told(key, style) for key, (title, style) in SCORES.items()}}


def _prior(value: Any) -> Prior | None:
    """A prior by its file, or as it is; None: the package's. Raises InvalidInput otherwise."""
    from complexity_theory.devices.prior import Prior, load_prior

    return value if value is None or isinstance(value, Prior) else load_prior(resolve.path(value, "a prior"))


def evaluate(table: Any, *, scope: str = "core", where: Any = None, prior: Any = None) -> Evaluated:
    """How well the predictor and its rivals do on networks that they were not fitted to (``evidence.evaluation``).

    ``scope``: core (RegNetX, RegNetY, RegNetZ, EfficientNet, ResNet, ResNeXt) or extended (all). ``prior``: what is
    known of other devices (default: the package's). Raises InvalidInput for a table with too few kin.
    """
    from complexity_theory.evidence.evaluation import evaluate as evaluation

    resolve.choice(scope, "scope", SCOPES)
    loaded = _table(table, where)
    return Evaluated(loaded, evaluation(loaded, scope, _prior(prior)))


@dataclass(frozen=True, repr=False)
class Fitted(Result):
    """A device profile fitted to a table of measured times: ``profile``."""

    table: TimeTable
    profile: Profile

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """What the table leaves out."""
        return tuple(self.table.notes)

    def report(self, form: str = "text") -> Sequence[Shown | str]:
        return [Shown(self.rows(), f"{self.profile.name}, fitted to {self.table.name}")]

    def as_dict(self) -> dict[str, Any]:
        return self.profile.as_dict()

    def rows(self) -> list[dict[str, Any]]:
        from complexity_theory.devices.terms import TERMS

        return [
            {
                "term": term,
                "seconds per unit": self.profile.coefficients[term],
                "unit": about.unit,
                "what": about.about,
            }
            for term, about in TERMS.items()
        ]

    def summary(self) -> str:
        return f"{self.profile.name}: {self.profile.n} measurements of {len(self.profile.families)} families"

    def write(self, output: str | Path) -> None:
        """Writes the profile as a ``.toml`` file. Raises InvalidInput for another suffix or where it cannot."""
        from complexity_theory.devices import profile as profiles

        profiles.write(self.profile, toml(output))


def toml(output: Any) -> Path:
    """The path of a profile. Raises InvalidInput unless it ends in ``.toml``."""
    path = resolve.path(output, "output")
    if path.suffix != ".toml":
        raise InvalidInput(f"a profile is a .toml file, not {path}")
    return path


def fit(table: Any, *, name: str | None = None, where: Any = None, prior: Any = None) -> Fitted:
    """Fits the predictor to measured times: the profile of their device, for ``predict`` and ``compare``.

    What other devices tell (``prior``; default: the package's) fills in what the table does not. ``name``: of the
    profile (default: the table's). Raises InvalidInput for a table with too few networks.

    >>> fit("v100-training", name="mine").profile.n
    36
    """
    from complexity_theory.evidence.fitting import fit_profile

    if name is not None and not isinstance(name, str):
        raise InvalidInput(f"the name of a profile is text, not {resolve.shown(name)}")
    loaded = _table(table, where)
    return Fitted(loaded, fit_profile(loaded, name or loaded.name, prior=_prior(prior)))

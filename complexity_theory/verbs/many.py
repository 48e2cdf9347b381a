"""Many variants of one network at once, as arrays, and the front of what none of them beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.devices import profile as profiles
from complexity_theory.devices.features import network_features
from complexity_theory.devices.prediction import checked_batch, seconds
from complexity_theory.devices.profile import Profile
from complexity_theory.networks.spec import Network
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result

SHOWN = 20  # rows of a report


@dataclass(frozen=True)
class Variants:
    """Variants of a ``base``: ``values``, sizes of its knobs, int64 arrays of one element each where they vary."""

    base: Network
    values: tuple[Any, ...]
    number: int


def variants(network: Any, sizes: Mapping[str, Any] | None = None, *, grid: bool = False, **more: Any) -> Variants:
    """Variants of a network: lists or int arrays of its sizes, one element for each variant, or one for all.

    ``grid``: all combinations of the elements instead, the last size fastest.

    ``sizes``: by the name of a knob, such as ``stage1.width`` (``network.knobs`` lists them); ``more``: the same for
    names without a dot, such as ``resolution``. Other sizes stay. Raises InvalidInput for names that no knob has, for
    other types, and for arrays of different lengths.

    >>> variants("EfficientNet-B0", {"stage1.depth": [1, 2]}, resolution=224).number
    2
    >>> variants("EfficientNet-B0", {"stage1.depth": [1, 2]}, resolution=[192, 224, 256], grid=True).number
    6
    """
    from complexity_theory.scaling.population import columns, combined

    base: Any = resolve.network(network)
    if sizes is not None and not isinstance(sizes, Mapping):
        raise InvalidInput(f"sizes are a mapping from knobs to lists, not {resolve.shown(sizes)}")
    resolve.flag(grid, "grid")
    given = {str(name): values for name, values in {**(sizes or {}), **more}.items()}
    found, number = columns(base, combined(given) if grid else given)
    return Variants(base, tuple(found.get(knob.name, knob.base) for knob in base.knobs), number)


@dataclass(frozen=True, repr=False)
class Many(Result):
    """Variants with their costs: arrays of one element each.

    ``flops`` (multiply-adds), ``params``, ``acts`` (elements), ``seconds`` per image with ``low`` and ``high`` between
    which 9 of 10 networks lie.
    """

    variants: Variants
    device: Profile
    batch: int
    columns: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        columns = object.__getattribute__(self, "columns")
        if name in columns:
            return columns[name]
        raise AttributeError(name)

    def rows(self) -> list[dict[str, Any]]:
        return [{name: values[i].item() for name, values in self.columns.items()} for i in range(self.variants.number)]

    def report(self, form: str = "text") -> Sequence[Table | str]:
        title = f"{self.variants.number} variants of {self.variants.base.name} on {self.device.name}"
        return [Table(self.rows()[:SHOWN] if form in ("text", "html") else self.rows(), title)]

    def as_dict(self) -> dict[str, Any]:
        about = {"network": self.variants.base.name, "device": self.device.name, "batch": self.batch}
        return {**about, "interval": profiles.INTERVAL, "variants": self.rows()}

    def summary(self) -> str:
        fastest, slowest = float(self.seconds.min()), float(self.seconds.max())
        times = f"{1e3 * fastest:.4g} to {1e3 * slowest:.4g} ms per image"
        return f"{self.variants.number} variants of {self.variants.base.name} on {self.device.name}: {times}"

    def pareto(self, *, least: Any = "seconds", most: Any = "flops") -> Many:
        """The variants that no other beats (``pareto``), in order of the first of ``least``."""
        chosen = pareto(self.columns, least=least, most=most)
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return Many(Variants(self.variants.base, self.variants.values, len(chosen)), self.device, self.batch, columns)


def predict_many(many: Variants, profile: Profile, batch: int | None) -> Many:
    """The predicted times of all variants at once: one walk over arrays."""
    images = checked_batch(profile, batch)
    names = ("flops", "params", "acts", "seconds")
    found = {name: np.empty(many.number, float if name == "seconds" else np.int64) for name in names}
    values = [np.array([v]) if many.number == 1 and np.ndim(v) == 0 else v for v in many.values]
    for chosen in many.base.alike(values, many.number):
        some = [value[chosen] if isinstance(value, np.ndarray) else value for value in values]
        work = network_features(many.base.resized(some))
        for name in names[:-1]:
            found[name][chosen] = getattr(work, name)
        found["seconds"][chosen] = seconds(profile, work, images)
    spread = profile.spread(many.base.family)
    times = {"low": found["seconds"] * spread.low, "high": found["seconds"] * spread.high}
    return Many(many, profile, images, {"variant": np.arange(many.number), **found, **times})


def pareto(values: Any, *, least: Any = (), most: Any = ()) -> NDArray[np.int64]:
    """The indices of the rows that no other row beats, in order of the first column of ``least`` (or ``most``).

    ``values``: a frame or a mapping of columns; ``least`` and ``most``: names of those of which less, or more, is
    better. A row is beaten where another is at least as good in all and better in one; of equal rows the first is kept.
    Raises InvalidInput for columns that are not there or hold no finite numbers.

    >>> pareto({"seconds": [1, 2, 3, 3], "flops": [5, 9, 8, 9]}, least="seconds", most="flops").tolist()
    [0, 1]
    """
    chosen = [(name, 1.0) for name in _names(least)] + [(name, -1.0) for name in _names(most)]
    if not chosen:
        raise InvalidInput("a front needs columns: name those of which less (least) or more (most) is better")
    columns = [sign * _column(values, name) for name, sign in chosen]
    if len({len(column) for column in columns}) > 1:
        raise InvalidInput("the columns of a front must be of one length")
    points = np.stack(columns, axis=1)
    order = np.lexsort(points.T[::-1])
    kept: list[int] = []
    front = np.empty((0, points.shape[1]))
    for i in order:
        if not len(front) or not np.any(np.all(front <= points[i], axis=1)):
            kept.append(int(i))
            front = np.vstack([front, points[i]])
    return np.array(kept, dtype=np.int64)


def _names(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, (tuple, list)) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise InvalidInput(f"columns of a front are named by text, not {resolve.shown(value)}")
    return names


def _column(values: Any, name: str) -> Floats:
    try:
        column = np.asarray(values[name], dtype=float)
    except (KeyError, TypeError, ValueError, IndexError):
        raise InvalidInput(f"there is no column {name!r} of numbers in {resolve.shown(values)}") from None
    if column.ndim != 1 or not np.isfinite(column).all():
        raise InvalidInput(f"column {name!r} must hold one finite number a row")
    return column

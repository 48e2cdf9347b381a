"""A training run as what is measured: a network under a strategy, a recipe, a data set, a seed. No torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, final

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.jobs import UNSCALED, Description, Job, Settings, Subject, identity
from complexity_theory.measurement.training.images import ImageSource
from complexity_theory.measurement.training.recipe import Recipe
from complexity_theory.networks import files
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.realise import scale
from complexity_theory.zoo import find

if TYPE_CHECKING:
    import pandas as pd

BASES = Path(__file__).parent / "networks"
ROUNDING = "fine"
KIND = "training"


def base(name: str) -> Network:
    """A small network of this room, a network of the zoo, or that of a file. Raises InvalidInput for others.

    >>> base("RegNetY-2MF").complexity().flops
    2251712
    """
    path = BASES / f"{name}.toml"
    found = files.load_network(path) if path.is_file() else find(name)
    if isinstance(found, Traced):
        raise InvalidInput(f"{name} is a traced network: its channels and classes are what they were traced with")
    return found


@final
@dataclass(frozen=True, slots=True)
class TrainingSubject(Subject):
    """``name`` scaled by ``strategy`` to ``factor`` times its flops, trained on the images of ``source`` from ``seed``.

    ``checkpoints``: the folder in which a run keeps how far it is; it is no part of what is measured.
    """

    name: str
    strategy: str
    factor: float
    recipe: Recipe
    source: ImageSource
    seed: int
    checkpoints: str = field(default="", compare=False)
    kind: ClassVar[str] = KIND
    entry: ClassVar[str] = "complexity_theory.measurement.training.loop:train"
    once: ClassVar[bool] = True
    timed: ClassVar[bool] = False

    def network(self) -> Network:
        """The network that is trained: its inputs and classes are those of the data."""
        return _scaled(self.name, self.strategy, self.factor, self.source.channels, self.source.classes)

    @property
    def label(self) -> str:
        scaled = "" if self.strategy == UNSCALED else f" {self.strategy} x{self.factor:g}"
        return f"{self.name}{scaled} seed {self.seed}"

    @property
    def shape(self) -> Shape:
        return self.network().input()

    @property
    def described(self) -> Description:
        return Description.of_network(self.network())

    def describe(self) -> dict[str, Any]:
        network = self.network()
        return {
            "network": base(self.name).name,
            "family": network.family,
            "strategy": self.strategy,
            "factor": float(self.factor),
            "base_resolution": base(self.name).resolution,
            "resolution": network.resolution,
            "depths": list(network.depths),
            "widths": list(network.widths),
            "recipe": self.recipe.name,
            "recipe_fields": json.dumps(self.recipe.as_dict(), sort_keys=True),
            "data": self.source.name,
            "data_digest": self.source.digest,
            "seed": self.seed,
            **network.complexity().as_dict(),
        }


@cache
def _scaled(name: str, strategy: str, factor: float, channels: int, classes: int) -> Network:
    own = replace(base(name), in_channels=channels, classes=classes)
    if strategy == UNSCALED:
        return own
    try:
        return scale(own, strategy, target_flops=factor * own.complexity().flops, rounding=ROUNDING).network
    except InvalidInput as error:
        raise InvalidInput(f"{name} by a factor of {factor:g}: {error}") from None


def job(subject: TrainingSubject, device: str) -> Job:
    """The training run as a job on a device ("cpu" or "cuda"), which settles its precision and layout."""
    dtype = subject.recipe.precision if device == "cuda" else "fp32"
    layout = "nchw" if device == "cuda" else "channels_last"
    return Job(subject, Settings(batch=subject.recipe.batch, dtype=dtype, layout=layout, mode="train"))


def forget_checkpoints(runs: pd.DataFrame, place: Mapping[str, Any], folder: Path) -> None:
    """Removes what runs that have ended well (``results.runs``) have left in the folder of checkpoints."""
    for key in runs.loc[runs["status"] == "ok", "job"] if len(runs) else ():
        path = checkpoint_of(key, place, str(folder))
        for file in folder.glob(f"{path.name}*"):
            file.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def checkpoint_of(task_key: str, place: Mapping[str, Any], folder: str) -> Path:
    """The file in which a run keeps how far it is: of this very job in this very environment."""
    return Path(folder) / f"{task_key}-{identity(place)}.pt"

"""Recipes of training, as data: small TOML files. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from complexity_theory.core import schema
from complexity_theory.core.checks import check_flag, check_size, is_number
from complexity_theory.core.errors import InvalidInput

VERSION = 1  # of the files
PRECISIONS = ("fp32", "tf32", "bf16")
FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a network is trained: SGD, a half-cosine after a linear warm-up, and what is done to the images.

    ``learning_rate``: at the peak, for a batch of ``learning_rate_batch`` (0: whatever the batch); it grows with the
    batch. ``weight_decay``: of weights, none of norms and biases; ``weight_decay_of``: by family, where it differs.
    ``ema_epochs``: the horizon of a moving average of the weights, which is then what is evaluated; 0 for none.
    ``shift``: images are moved by up to so many pixels of a 28th of their side; ``flip``: half of them are mirrored;
    ``crop``: least share of an image's area that a random crop holds (1: no crops). ``precision``: on CUDA devices; a
    CPU has fp32. Raises InvalidInput for values out of range.

    >>> Recipe(name="mine", epochs=0)
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: epochs of a recipe must be at least 1, not 0
    """

    name: str
    epochs: int
    batch: int = 128
    learning_rate: float = 0.1
    learning_rate_batch: int = 0
    warmup_epochs: float = 0.0
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0
    weight_decay_of: Mapping[str, float] = field(default_factory=dict)
    label_smoothing: float = 0.0
    ema_epochs: float = 0.0
    shift: int = 0
    flip: bool = False
    crop: float = 1.0
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch", 2), ("learning_rate_batch", 0), ("shift", 0)):
            check_size(f"{name} of a recipe", getattr(self, name), least)
        rates = {name: getattr(self, name) for name in ("learning_rate", "warmup_epochs", "weight_decay", "ema_epochs")}
        for name, value in {**rates, **{f"weight_decay_of.{k}": v for k, v in self.weight_decay_of.items()}}.items():
            if not (is_number(value) and value >= 0):
                raise InvalidInput(f"{name} of a recipe must be a number of at least 0, not {value!r}")
        for name in ("momentum", "label_smoothing"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value < 1):
                raise InvalidInput(f"{name} of a recipe must be from 0 to below 1, not {value!r}")
        if not (is_number(self.crop) and 0 < self.crop <= 1):
            raise InvalidInput(f"crop of a recipe must be above 0 and at most 1, not {self.crop!r}")
        check_flag("nesterov of a recipe", self.nesterov)
        check_flag("flip of a recipe", self.flip)
        if self.nesterov and not self.momentum:
            raise InvalidInput("nesterov of a recipe needs a momentum above 0, not 0")
        if self.precision not in PRECISIONS:
            raise InvalidInput(f"unknown precision {self.precision!r} of a recipe: one of {', '.join(PRECISIONS)}")

    def decay(self, family: str) -> float:
        """The weight decay of a family of networks."""
        return self.weight_decay_of.get(family, self.weight_decay)

    def rate(self, epoch: float) -> float:
        """The learning rate at a moment, in epochs since the start.

        >>> recipe = Recipe(name="r", epochs=10, learning_rate=1.0, warmup_epochs=2)
        >>> [round(recipe.rate(epoch), 3) for epoch in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
        """
        peak = self.learning_rate * (self.batch / self.learning_rate_batch if self.learning_rate_batch else 1.0)
        warm = min(self.warmup_epochs, self.epochs)
        if epoch < warm:
            return peak * epoch / warm
        done = (epoch - warm) / (self.epochs - warm) if self.epochs > warm else 1.0
        return peak * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def as_dict(self) -> dict[str, Any]:
        """Its fields, as JSON holds them."""
        return {**asdict(self), "weight_decay_of": dict(self.weight_decay_of)}

    def __hash__(self) -> int:
        return hash((self.name, self.epochs, self.batch, self.learning_rate))


_NUMBER = Annotated[int | float, Meta(description="a number")]
RECIPE = schema.struct_of(
    Recipe,
    {"str": str, "int": int, "bool": bool, "float": _NUMBER, "Mapping[str, float]": dict[str, _NUMBER]},
    optional=("name",),
    version=Annotated[int, Meta(ge=1, le=VERSION, description=f"{VERSION}, the edition of recipes known here")],
)


def names() -> tuple[str, ...]:
    """The recipes that come with the package.

    >>> names()
    ('paper-100-epochs', 'quick', 'small', 'small-gpu')
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of a name or of a ``.toml`` file. Raises InvalidInput for others and for fields it does not know.

    >>> load_recipe("paper-100-epochs").rate(5)
    0.8
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in names():
            raise InvalidInput(
                f"unknown recipe {name_or_path!r}: one of {', '.join(names())}, or the path of a .toml file"
            )
        path = FOLDER / f"{name_or_path}.toml"
    try:
        found = schema.given(schema.checked(schema.read(path), RECIPE, "a recipe"))
        found.pop("version", None)
        return Recipe(**{"name": path.stem, **found})
    except InvalidInput as error:
        raise InvalidInput(str(error) if str(path) in str(error) else f"{path}: {error}") from None

"""Networks given as code: ``package.module:callable``, ``path/file.py:callable``, ``timm:NAME``, ``torchvision:NAME``.

To take such a network is to run its code.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.text import short
from complexity_theory.measurement.paths import load_callable
from complexity_theory.measurement.torchvision import make_importable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from complexity_theory.networks.traced import Traced

LIBRARIES = ("timm", "torchvision")
INPUT = (3, 224, 224)  # where neither the user nor the library says another


def callable_of(text: str) -> Callable[[], Any]:
    """What makes the module that ``text`` names. Raises InvalidInput where there is none, in one line.

    >>> callable_of("math:pi")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: math:pi is a float, and cannot be called
    """
    home, colon, attribute = text.rpartition(":")
    if not (home and colon and attribute):
        raise InvalidInput(f"a network as code is named as module:callable or file.py:callable, not {short(text)!r}")
    make_importable()
    if home in LIBRARIES:
        return _library(home, attribute)
    try:
        return load_callable(text)
    except InvalidInput:
        raise
    except Exception as error:  # of the user's code
        if isinstance(error, ModuleNotFoundError) and error.name and f"{home}.".startswith(f"{error.name}."):
            where = "is neither installed nor in this folder; or give a network by name, or as a file"
            raise InvalidInput(f"{text} cannot be loaded: the module {error.name} {where}") from None
        raise InvalidInput(f"{text} cannot be loaded: {type(error).__name__}: {short(str(error), 200)}") from None


def module_of(text: str) -> nn.Module:
    """The module that ``text`` names, made: on the meta device where it can be made there, which holds no weights.

    Raises InvalidInput where it cannot be made, or is no module.
    """
    make = callable_of(text)
    try:
        with _random_state_kept():
            try:
                with torch.device("meta"):
                    found = make()
            except Exception:  # what computes with tensors while it is made
                found = make()
    except InvalidInput:
        raise
    except Exception as error:  # of the user's code
        raise InvalidInput(f"{text} cannot be called: {type(error).__name__}: {short(str(error), 200)}") from None
    if not isinstance(found, nn.Module):
        raise InvalidInput(f"{text} returned a {type(found).__name__}, not a torch.nn.Module")
    return found


def input_of(text: str, given: str | None) -> tuple[int, ...]:
    """The sides of the input: as given, such as 3x384x640, else what timm says of its network, else 3 x 224 x 224."""
    if given is not None:
        if not re.fullmatch(r"[1-9][0-9]{0,6}(x[1-9][0-9]{0,6})*", given):
            raise InvalidInput(f"an input is given by its sides, such as 3x384x640, not {short(given)!r}")
        return tuple(map(int, given.split("x")))
    if text.startswith("timm:"):
        import timm

        found = timm.get_pretrained_cfg(text.partition(":")[2].partition(".")[0])
        return INPUT if found is None else tuple(found.input_size)
    return INPUT


@cache
def network_of(text: str, given: str | None = None) -> Traced:
    """The traced network that ``text`` names, on an input ``given`` as CxHxW. Raises InvalidInput as ``trace`` does."""
    from complexity_theory.measurement.trace.tracing import trace

    home, _, name = text.rpartition(":")
    if home in LIBRARIES:
        name = text
    elif home.endswith(".py"):  # in which it may be called anything, as make
        name = f"{Path(home).stem}.{name}"
    module, sides = module_of(text), input_of(text, given)
    try:
        return trace(module, sides, name=name)
    except InvalidInput as error:
        raise InvalidInput(f"{text}: {error}") from None


@contextmanager
def _random_state_kept() -> Iterator[None]:
    with torch.random.fork_rng([]):
        yield


def _library(home: str, name: str) -> Callable[[], Any]:
    if importlib.util.find_spec(home) is None:
        raise InvalidInput(f"{home}:{name} needs {home}, which is not installed: pip install {home}")
    if home == "timm":
        import timm

        if not timm.is_model(name.partition(".")[0]):
            raise InvalidInput(f"timm has no {name!r}{_near(name, timm.list_models())}")
        return lambda: timm.create_model(name, pretrained=False)
    import torchvision

    if name not in torchvision.models.list_models():
        raise InvalidInput(f"torchvision has no {name!r}{_near(name, torchvision.models.list_models())}")
    settings = {"weights": None}
    builder = torchvision.models.get_model_builder(name)
    if "weights_backbone" in importlib.import_module("inspect").signature(builder).parameters:
        settings["weights_backbone"] = None
    return lambda: builder(**settings)


def _near(name: str, names: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, names, n=3)
    return f": did you mean {', '.join(near)}?" if near else ""

"""Networks as configurations that others load: pycls, torchvision, timm, and our own JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from complexity_theory.core.checks import check_choice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.exports import pycls, timm, torch, torchvision
from complexity_theory.exports.refusal import LibraryModel
from complexity_theory.networks.files import describe, to_json
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

LIBRARIES: dict[str, Callable[[Network], LibraryModel]] = {"torchvision": torchvision.exported, "timm": timm.exported}


FOR_TRACED = ("torch", "json")


def _json(network: Network | Traced) -> str:
    return to_json(describe(network))


def _library(to: str) -> Callable[[Network], str]:
    def text(network: Network) -> str:
        made = LIBRARIES[to](network)
        input_size: list[Any] = [network.in_channels, *pair(network.resolution)]
        data = {"model": made.model, "arguments": made.arguments, "input_size": input_size, "python": made.python}
        return to_json(data)

    return text


EXPORTS: dict[str, Callable[[Any], str]] = {
    "torch": torch.source,
    "pycls": pycls.text,
    "torchvision": _library("torchvision"),
    "timm": _library("timm"),
    "json": _json,
}


def snippet(network: Network, to: str) -> str:
    """Python that builds the network with ``torchvision`` or ``timm``, as ``model``, with the ``input_size`` it is for.

    Raises InvalidInput for another library, and with the reason where the library cannot express the network.
    """
    if not isinstance(to, str) or to not in LIBRARIES:
        raise InvalidInput(f"there is no Python snippet for {to!r}, only for {', '.join(LIBRARIES)}")
    return _or_nearest(network, to, lambda network: LIBRARIES[to](network).python)


def export(network: Network | Traced, to: str) -> str:
    """The network as text that another library loads.

    ``torch``: a Python file that needs torch alone and trains one step as a script. ``pycls``: YAML. ``torchvision``,
    ``timm``: JSON with the class, its arguments, the size of the input and a Python snippet. ``json``: our own, as
    ``networks.files`` reads it. Raises InvalidInput for an unknown form, and with the reason, and what can, where the
    library cannot express the network.

    >>> from complexity_theory.zoo import network
    >>> print(export(network("RegNetX-200MF"), "pycls").splitlines()[0])
    MODEL: {TYPE: anynet, NUM_CLASSES: 1000, ACTIVATION_FUN: relu}
    """
    check_choice("export", to, EXPORTS)
    if isinstance(network, Traced) and to not in FOR_TRACED:
        raise InvalidInput(f"{to} has its own kinds of networks: a traced one goes to {' or '.join(FOR_TRACED)}")
    return _or_nearest(network, to, EXPORTS[to])


def _or_nearest(network: Any, to: str, made: Callable[[Any], str]) -> str:
    """What ``made`` gives, or its refusal with the forms that can express the network."""
    try:
        return made(network)
    except InvalidInput as error:
        able = [other for other in EXPORTS if other != to and _can(network, other)]
        raise InvalidInput(f"{error}; {' and '.join(able)} can") from None


def _can(network: Any, to: str) -> bool:
    try:
        EXPORTS[to](network)
    except InvalidInput:
        return False
    return True

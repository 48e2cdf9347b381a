"""Names of networks: what they stand for, and the names that timm, torchvision and pycls give to the same."""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path

from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.zoo import convnets, efficientnets, mobilenets, regnets, resnets
from complexity_theory.zoo.entry import Entry, Family
from complexity_theory.zoo.former import current

__all__ = ["aliases", "canonical", "families", "find", "kin", "knows", "names", "network"]


@cache
def _entries() -> dict[str, Entry]:
    """Every known name; nothing is built here."""
    rooms = (regnets, efficientnets, resnets, mobilenets, convnets)
    return {name: entry for room in rooms for name, entry in room.entries().items()}


@cache
def _canonical() -> dict[str, str]:
    """From every name and alias, in lower case, to the canonical name."""
    return {alias.lower(): name for name, entry in _entries().items() for alias in (name, *entry.aliases)}


def families() -> tuple[str, ...]:
    """The families of the known networks.

    >>> "RegNetY" in families()
    True
    """
    return tuple(_families())


@cache
def _families() -> dict[str, Family]:
    return {entry.family.name: entry.family for entry in _entries().values()}


def kin(family: str) -> str:
    """What a family is held out with, as evidence asks; a family that the zoo does not know is its own kin.

    >>> kin("ResNeXt"), kin("mine")
    ('ResNet', 'mine')
    """
    return _families()[family].kin if family in _families() else family


def names(family: str | None = None) -> tuple[str, ...]:
    """The canonical names of all known networks, or of one family. Raises InvalidInput for an unknown family.

    >>> "RegNetY-4.0GF" in names("RegNetY")
    True
    """
    if family is not None and family not in families():
        raise InvalidInput(f"unknown family {family!r}: one of {', '.join(families())}")
    return tuple(name for name, entry in _entries().items() if family in (None, entry.family.name))


def aliases(name: str) -> tuple[str, ...]:
    """Other names of a network: timm's, torchvision's, pycls's. Raises InvalidInput for an unknown name.

    >>> aliases("ResNet-50")
    ('resnet50', 'R-50-1x64d')
    """
    return _entries()[canonical(name)].aliases


def knows(name: str) -> bool:
    """Whether a name or alias is known, in any case; timm's former names are too. Quick, for tables of many names.

    >>> knows("resnet50"), knows("vit_base_patch16_224")
    (True, False)
    """
    return current(name.lower()) in _canonical()


def canonical(name: str) -> str:
    """The canonical name for any known name or alias, in any case. Raises InvalidInput, with near names, for others.

    >>> canonical("regnety_040")
    'RegNetY-4.0GF'
    """
    if not isinstance(name, str):
        raise InvalidInput(f"a network is named by text such as 'ResNet-50', not {name!r}")
    known = _canonical()
    if knows(name):
        return known[current(name.lower())]
    near = difflib.get_close_matches(name.lower(), known, n=3)
    hint = (
        f"did you mean {', '.join(sorted({known[n] for n in near}))}?" if near else "see `complexity-theory networks`"
    )
    raise InvalidInput(f"unknown network {name!r}: {hint}{_elsewhere(name)}")


def _elsewhere(name: str) -> str:
    """How a name that only timm may know is written, to be added to a message."""
    return f" (or timm:{name}, if timm has it)" if re.fullmatch(r"[a-z0-9_]+(\.\w+)?", name) else ""


@cache
def _build(name: str) -> Network:
    entry = _entries()[name]
    return entry.build(name=name, family=entry.family.name)


def network(name: str) -> Network:
    """The network of a known name or alias, in any case. Raises InvalidInput for unknown names.

    >>> network("resnet50").complexity().params
    25557032
    """
    return _build(canonical(name))


def find(name_or_path: str | Path) -> Network | Traced:
    """The network of a known name or alias, of a ``.toml`` or ``.json`` file, or of a ``.yaml`` configuration of pycls.

    Raises InvalidInput for an unknown name and for a file that does not describe a network.

    >>> find("EfficientNet-b0").name
    'EfficientNet-B0'
    """
    if not isinstance(name_or_path, (str, Path)):
        raise InvalidInput(f"a network is given by a name or a path, not {name_or_path!r}")
    path = Path(name_or_path)
    suffix = path.suffix.lower()
    if suffix in (".toml", ".json"):
        from complexity_theory.networks.files import load_network

        return load_network(path)
    if suffix in (".yaml", ".yml"):
        from complexity_theory.networks.pycls import load_config as load_pycls

        return load_pycls(path)
    if suffix == ".py":
        raise InvalidInput(f"a network in Python is given with what makes it: {path}:make, not {path}")
    if path.suffix[1:].isalpha() and not knows(str(name_or_path)):
        why = f"network files end in .toml, .json or .yaml{_elsewhere(str(name_or_path))}"
        raise InvalidInput(f"unknown network {str(name_or_path)!r}: {why}")
    return network(str(name_or_path))

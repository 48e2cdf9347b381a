"""What the verbs take: text or objects for networks, strategies, devices, layers. The one place that tells which."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.devices.profile import Profile
    from complexity_theory.networks.spec import Network
    from complexity_theory.networks.traced import Traced
    from complexity_theory.scaling.strategy import Strategy

_SHOWN = 60  # characters of a value in a message


def shown(value: object) -> str:
    """A value as a message names it: short, whatever its own repr does."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def network(value: Any, *, resolution: Any = None, input: Any = None) -> Network | Traced:
    """The network meant by a name, an alias, a file (``zoo.find``), code, a torch module, or a network itself.

    Code is text such as ``package.module:callable``, ``file.py:callable``, ``timm:NAME`` or ``torchvision:NAME``; it is
    run, and the module that it makes is traced, as a module is that is given. ``resolution``: an input of another size
    than its own: a side, or height and width, also as text ("384x640"). ``input``: the same with the channels before
    ("3x384x640", or a tuple), as code and modules need (default: 3 x 224 x 224). Raises InvalidInput for all else.

    >>> network("resnet50").name, network("resnet50", resolution="384x640").resolution
    ('ResNet-50', (384, 640))
    """
    from complexity_theory import zoo
    from complexity_theory.core.quantities import sides
    from complexity_theory.networks.spec import Network
    from complexity_theory.networks.traced import Traced, at

    given = None if input is None else sides_of(input)
    if stands_for_code(value):
        if resolution is not None:
            raise InvalidInput("the input of a network that is code is given as input (--input), such as 3x384x640")
        return _traced(value, given)
    if isinstance(value, (str, Path)):
        value = zoo.find(value)
    if not isinstance(value, (Network, Traced)):
        raise InvalidInput(
            f"a network is a name such as 'ResNet-50', a file, a Network or a torch module, not {shown(value)}"
        )
    if given is not None:
        if resolution is not None:
            raise InvalidInput("give a resolution (--resolution) or an input (--input), not both")
        channels = value.input().dims[0]
        if len(given) != 3 or given[0] != channels:
            told = "x".join(map(str, given))
            raise InvalidInput(f"{value.name} takes {channels} channels x height x width, not an input of {told}")
        resolution = given[1:]
    return value if resolution is None else at(value, sides(resolution))


def is_code(text: str) -> bool:
    """Whether text names a network as code: module:callable, file.py:callable, timm:NAME.

    >>> is_code("timm:resnet50"), is_code("resnet50"), is_code("C:/mine.toml")
    (True, False, False)
    """
    home, colon, name = text.rpartition(":")
    files = (".toml", ".json", ".yaml", ".yml")
    return bool(colon and len(home) > 1 and name and Path(text).suffix.lower() not in files)


def _is_module(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def stands_for_code(value: Any) -> bool:
    """Whether a torch module, or text that names code, is meant."""
    return _is_module(value) or (isinstance(value, str) and is_code(value))


def need_torch() -> None:
    """Raises InvalidInput where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise InvalidInput("a network that is code needs PyTorch: pip install 'complexity-theory[measure]'")


def _traced(value: Any, given: tuple[int, ...] | None) -> Traced:
    need_torch()
    from complexity_theory.measurement import code

    if isinstance(value, str):
        return code.network_of(value, None if given is None else "x".join(map(str, given)))
    from complexity_theory.measurement.trace.tracing import trace

    return trace(value, code.INPUT if given is None else given, name=type(value).__name__)


def sides_of(value: Any) -> tuple[int, ...]:
    """The sides of an input, channels first, from a tuple, a Shape, or text such as ``3x384x640``."""
    parts = value.lower().split("x") if isinstance(value, str) else getattr(value, "dims", value)
    listed = list(parts) if isinstance(parts, (list, tuple)) else []
    found = [int(p) if isinstance(p, str) and p.isascii() and p.isdigit() and len(p) < 8 else p for p in listed]
    if not found or any(type(side) is not int or side < 1 for side in found):
        raise InvalidInput(f"an input is given by its sides, such as 3x384x640, not {shown(value)}")
    return tuple(found)


def strategy(value: Any) -> Strategy:
    """The strategy meant by text such as ``dWr`` or ``fast:3/5``, or a Strategy itself. Raises InvalidInput otherwise.

    >>> strategy("dWr").width
    Fraction(4, 5)
    """
    from complexity_theory.scaling.strategy import Strategy, parse

    if isinstance(value, Strategy):
        return value
    if isinstance(value, str):
        return parse(value)
    raise InvalidInput(f"a strategy is text such as 'dWr' or a Strategy, not {shown(value)}")


def device(value: Any) -> Profile:
    """The profile meant by a name, the ``.toml`` file of one, or a Profile itself.

    Raises InvalidInput otherwise; where a name begins that of several profiles, it says which.

    >>> device("rtx4090")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: device 'rtx4090' is known in several modes: rtx4090-compiled-nchw,
    rtx4090-eager-nchw
    """
    from complexity_theory.devices import profile

    if isinstance(value, profile.Profile):
        return value
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        raise InvalidInput(f"a device is the name of a profile, its .toml file or a Profile, not {shown(value)}")
    if value and value not in profile.names() and not value.endswith(".toml"):
        modes = [name for name in profile.names() if name.startswith(value.lower())]
        if modes:
            several = "several modes" if len(modes) > 1 else "one mode"
            raise InvalidInput(f"device {value!r} is known in {several}: {', '.join(modes)}")
    return profile.load_profile(value)


def several(values: Any, kind: str) -> list[Any]:
    """One or several as a list: text and objects alone, or a list, tuple or other iterable of them.

    Raises InvalidInput for none, and for what is neither.

    >>> several("dWr", "strategies"), several(("w", "d"), "strategies")
    (['dWr'], ['w', 'd'])
    """
    if isinstance(values, (str, Path)) or not isinstance(values, Iterable):
        return [values]
    found = list(values)
    if not found:
        raise InvalidInput(f"{kind}: at least one, not {shown(values)}")
    return found


def text(value: Any, what: str, such: str) -> str:
    """Text. Raises InvalidInput that says ``what`` is wrong, and an example of what is right."""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is text such as {such!r}, not {shown(value)}")
    return value


def whole(value: Any, what: str) -> int | None:
    """An int or None. Raises InvalidInput that says ``what`` is wrong."""
    if value is not None and type(value) is not int:
        raise InvalidInput(f"{what} must be an int, not {shown(value)}")
    return value


def patterns(value: Any, what: str) -> list[str]:
    """Patterns of sizes: a list of text, or one text with commas. Raises InvalidInput otherwise.

    >>> patterns("head,stem*", "fix"), patterns((), "fix")
    (['head', 'stem*'], [])
    """
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(part, str) for part in found):
        raise InvalidInput(f"{what} takes patterns of sizes such as 'head' or 'stage1.*', not {shown(value)}")
    return [part.strip() for part in found]


def number(value: Any, what: str, *, above: float = 0) -> float:
    """A number above a bound. Raises InvalidInput that says ``what`` is wrong.

    >>> number(2, "a factor")
    2
    """
    if not (is_number(value) and value > above):
        raise InvalidInput(f"{what} must be a number above {above:g}, not {shown(value)}")
    return value  # type: ignore[no-any-return]


def choice(value: Any, what: str, known: Sequence[str]) -> str:
    """One of the known words. Raises InvalidInput that names them.

    >>> choice("core", "scope", ["core", "extended"])
    'core'
    """
    if not (isinstance(value, str) and value in known):
        raise InvalidInput(f"unknown {what} {shown(value)}: one of {', '.join(known)}")
    return value


def flag(value: Any, what: str) -> bool:
    """True or False. Raises InvalidInput otherwise."""
    from complexity_theory.core.checks import check_flag

    check_flag(what, value)
    return bool(value)


def path(value: Any, what: str) -> Path:
    """A path from text or a Path. Raises InvalidInput otherwise."""
    if not isinstance(value, (str, Path)) or not str(value):
        raise InvalidInput(f"{what} must be a path, not {shown(value)}")
    return Path(value)

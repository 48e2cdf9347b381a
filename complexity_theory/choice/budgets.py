"""Budgets: what a network may cost at most, and how much of it one takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import quantity

# What each budget is a quantity of, by its field.
KINDS = {"flops": "flops", "params": "elements", "acts": "elements", "memory": "bytes", "seconds": "seconds"}
SHOWN = {"flops": "flops", "params": "params", "acts": "acts", "memory": "memory", "seconds": "time"}
OPTIONS = {name: f"--max-{word}" for name, word in SHOWN.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The most that a network may cost; None: no bound.

    ``flops`` (multiply-adds), ``params`` and ``acts`` (elements) of one image; ``memory`` (bytes, at the device's
    batch) on each device; ``seconds`` per image on each device, or by the name of the device. Raises InvalidInput for
    what is no such quantity (``core.quantities``); text is read as people write it.

    >>> Budgets(params="30M", seconds="0.8ms").params
    30000000
    """

    flops: Any = None
    params: Any = None
    acts: Any = None
    memory: Any = None
    seconds: Any = field(default=None)

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value, what = getattr(self, name), f"a budget of {SHOWN[name]}"
            if isinstance(value, Mapping):
                if name != "seconds":
                    raise InvalidInput(f"{what} is one quantity for all devices, not {value!r:.60}")
                value = {device: quantity(each, kind, what) for device, each in value.items()} or None
            elif value is not None:
                value = quantity(value, kind, what)
            object.__setattr__(self, name, value)

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) is not None for part in fields(self))

    def as_dict(self) -> dict[str, Any]:
        """The bounds that are set, by name."""
        found = {name: getattr(self, name) for name in KINDS}
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in found.items()
            if value is not None
        }

    def on(self, device: str) -> float | None:
        """The seconds that an image may take on a device."""
        found: float | None = self.seconds.get(device) if isinstance(self.seconds, Mapping) else self.seconds
        return found

    def bounds(self, devices: tuple[str, ...]) -> Iterator[tuple[str, str | None, float]]:
        """Each bound: what of (a field), on which device, and how much."""
        for name in ("flops", "params", "acts"):
            if getattr(self, name) is not None:
                yield name, None, getattr(self, name)
        for device in devices:
            if self.memory is not None:
                yield "memory", device, self.memory
            if (seconds := self.on(device)) is not None:
                yield "seconds", device, seconds

    def check(self, devices: tuple[str, ...]) -> None:
        """Raises InvalidInput where nothing is bounded, or a bound needs a device that is not there."""
        if not self:
            raise InvalidInput(
                "no budget is set: give at least one of --max-flops, --max-params, --max-acts, --max-memory and "
                "--max-time"
            )
        for name in ("memory", "seconds"):
            if getattr(self, name) is not None and not devices:
                needs = "needs a device: --device NAME (`runtime devices`)"
                raise InvalidInput(f"a budget of {SHOWN[name]} ({OPTIONS[name]}) {needs}")
        if isinstance(self.seconds, Mapping):
            for device in self.seconds:
                if device not in devices:
                    raise InvalidInput(f"a budget of time for {device!r}, which is none of {', '.join(devices)}")


def told(name: str, device: str | None, alone: bool) -> str:
    """What a bound is called: with its device where there are several."""
    return SHOWN[name] if device is None or alone else f"{SHOWN[name]} on {device}"


def shown(name: str, value: float) -> str:
    """An amount of what is bounded, as people read it.

    >>> shown("seconds", 0.0008), shown("memory", 2**33), shown("params", 30_000_000)
    ('0.8 ms', '8 GiB', '30,000,000')
    """
    if name == "seconds":
        return f"{value * 1e3:.4g} ms"
    if name == "memory":
        return f"{value / 2**30:.4g} GiB"
    return f"{value:,.0f}"

"""The sizes of a network that scaling changes, and their ideal values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from complexity_theory.networks.files import follows
from complexity_theory.networks.spec import Network, Stage
from complexity_theory.scaling.strategy import Multipliers


class Sizes(NamedTuple):
    """What scaling changes: ints of a network, floats of an ideal one, int64 arrays of many at once.

    ``group_widths`` are None at stages without group convs, ``head_width`` where the head has no conv.
    """

    depths: tuple[Any, ...]
    widths: tuple[Any, ...]
    group_widths: tuple[Any, ...]
    resolution: Any
    stem_width: Any
    head_width: Any

    @classmethod
    def of(cls, network: Network) -> Sizes:
        """The sizes of a network.

        >>> from complexity_theory.zoo import network
        >>> Sizes.of(network("ResNeXt-50-32x4d")).group_widths
        (4, 8, 16, 32)
        """
        return cls(
            depths=network.depths,
            widths=network.widths,
            group_widths=tuple(stage.group_width for stage in network.stages),
            resolution=network.resolution,
            stem_width=network.stem_width,
            head_width=network.head_width,
        )

    def given_to(self, network: Network) -> Network:
        """``network`` with these sizes. Shortcuts that follow from the sizes are settled anew.

        Raises InvalidInput where the sizes do not fit.
        """
        stages = tuple(
            replace(_unsettled(stage, w_in), depth=depth, width=width, group_width=group_width)
            for stage, w_in, depth, width, group_width in zip(
                network.stages, network.input_widths, self.depths, self.widths, self.group_widths, strict=True
            )
        )
        return replace(
            network,
            stages=stages,
            resolution=self.resolution,
            stem_width=self.stem_width,
            head_width=self.head_width,
        )

    def by_dimension(self) -> dict[str, tuple[Any, ...]]:
        """The sizes that follow each multiplier, by its name; stem and head (None where absent) count as widths."""
        return {
            "depth": self.depths,
            "width": (*self.widths, self.stem_width, self.head_width),
            "group_width": self.group_widths,
            "resolution": (self.resolution,),
        }


def _unsettled(stage: Stage, w_in: Any) -> Stage:
    """The stage with its shortcut left to the sizes, unless it was given another than they imply."""
    return replace(stage, shortcut=None) if follows(stage, w_in) else stage


def ideal(network: Network, multipliers: Multipliers) -> Sizes:
    """The unrounded sizes of the scaled network, as floats; stem and head stay unless the network ``scales_ends``.

    >>> from complexity_theory.zoo import network
    >>> ideal(network("ResNet-18"), Multipliers(1.0, 1.5, 1.0, 1.0)).widths
    (96.0, 192.0, 384.0, 768.0)
    """
    own = Sizes.of(network)
    ends = multipliers.width if network.scales_ends else 1.0

    def times(values: tuple[Any, ...], multiplier: float) -> tuple[Any, ...]:
        return tuple(None if value is None else value * multiplier for value in values)

    return Sizes(
        depths=times(own.depths, multipliers.depth),
        widths=times(own.widths, multipliers.width),
        group_widths=times(own.group_widths, multipliers.group_width),
        resolution=own.resolution * multipliers.resolution,
        stem_width=own.stem_width * ends,
        head_width=None if own.head_width is None else own.head_width * ends,
    )

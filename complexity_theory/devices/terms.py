"""The terms of the predictor: kinds of work that a device takes time for, each with its unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from complexity_theory.core.sizes import Size
from complexity_theory.devices.features import Features

MOVED = (
    128  # multiply-adds that take as long as moving an element, where nothing is known: the usual balance of devices
)
STARTED = 1e-6  # kernels that take as long as moving an element, likewise: microseconds at 10^12 elements per second


class PredictorTerm(NamedTuple):
    """A term of the predictor: how much there is of it for one image at a batch, its unit and what it stands for.

    ``guess``: what a unit of it costs, in elements moved, before any device is measured; right within a factor of 10.
    """

    of: Callable[[Features, Any], Size]
    unit: str
    about: str
    guess: float = 1.0


# The predictor, the same for every device: chosen once, by leaving kin out over all tables at hand.
TERMS = {
    "macs": PredictorTerm(
        lambda work, batch: work.tiled_macs,
        "multiply-add",
        "multiply-adds of dense and group convolutions and linear layers, channels padded to tiles",
        1 / MOVED,
    ),
    "group_macs": PredictorTerm(
        lambda work, batch: work.macs_group,
        "multiply-add",
        "multiply-adds of group convolutions, on top of what all multiply-adds take",
        1 / (8 * MOVED),
    ),
    "conv_traffic": PredictorTerm(
        lambda work, batch: work.tiled_traffic,
        "element",
        "elements that these layers read and write, channels padded to tiles",
    ),
    "pointwise_traffic": PredictorTerm(
        lambda work, batch: work.fused_traffic,
        "element",
        "elements that depthwise convolutions, pooling, gates and fused elementwise kernels read and write",
    ),
    "weights": PredictorTerm(
        lambda work, batch: (work.params - work.linear_weights) / batch,
        "element",
        "weights of all but linear layers, moved once per batch",
    ),
    "linear_weights": PredictorTerm(
        lambda work, batch: work.linear_weights / batch, "element", "weights of linear layers, moved once per batch"
    ),
    "uneven_groups": PredictorTerm(
        lambda work, batch: work.uneven_outputs,
        "element",
        "outputs of group convolutions whose group width is no power of two",
        4.0,
    ),
    "exponentials": PredictorTerm(
        lambda work, batch: work.exponentials, "element", "elements through an activation with an exponential"
    ),
    "launches": PredictorTerm(
        lambda work, batch: work.kernels / batch, "kernel", "kernels, started once per batch", 1 / STARTED
    ),
}


def terms(work: Features, batch: Any) -> dict[str, Size]:
    """The amounts of the ``TERMS`` for one image of a batch, as ints, floats or arrays.

    >>> from complexity_theory.devices.features import network_features
    >>> from complexity_theory.zoo import network
    >>> terms(network_features(network("RegNetY-4.0GF")), 256)["launches"]
    1.42578125
    """
    return {name: term.of(work, batch) for name, term in TERMS.items()}

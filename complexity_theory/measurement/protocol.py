"""How often and how long a job is timed. No torch here: sweeps plan with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from complexity_theory.core.limits import check_limit

FEWEST = 4  # samples that show how they spread
QUIET = 0.1  # a job is quiet when its interquartile range is under this share of its median


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The rules of timing; times in seconds. Raises InvalidInput for values outside the limits.

    Each job is timed in at least ``rounds`` rounds: warm-up until stable (``warmup`` at most, and at least two calls,
    the first of which is not counted), then samples for at least ``min_time`` and on until they are quiet or
    ``max_time`` is over. A job whose samples of all rounds together are noisy gets more rounds until it has been
    sampled for ``budget``. A round that takes longer than ``limit``, start of the process included, is ended.
    ``algorithms``: how many cuDNN tries for each convolution; with 1 it takes its own first choice, untried, as torch
    does by default: to try takes ten times as long as a short round.
    """

    rounds: int = 3
    warmup: float = 5.0
    min_time: float = 0.5
    max_time: float = 2.0
    budget: float = 10.0
    limit: float = 600.0
    algorithms: int = 10

    def __post_init__(self) -> None:
        for name in self.__slots__:
            limit = "rounds" if name == "rounds" else "seconds of a protocol"
            check_limit(limit, getattr(self, name), f"{name} of a protocol")


def quartiles(samples: Sequence[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile.

    >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
    (2.0, 3.0, 4.0)
    """
    p25, median, p75 = np.percentile(samples, (25, 50, 75)).tolist()
    return p25, median, p75


def is_noisy(samples: Sequence[float]) -> bool:
    """Whether the interquartile range of the samples is a tenth of their median or more; of fewer than 4 it is unknown.

    >>> is_noisy([1.0, 1.0, 1.01, 1.0]), is_noisy([1.0, 2.0, 1.0, 2.0]), is_noisy([1.0])
    (False, True, True)
    """
    p25, median, p75 = quartiles(samples)
    return len(samples) < FEWEST or p75 - p25 >= QUIET * median

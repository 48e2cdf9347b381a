"""Exports executed against the real libraries: ``python -m tests.exported [--every N] [--to timm]``.

Each snippet is run, and the model that it builds is counted and run forward on an input of the size that the snippet
names: counts must be equal, and the output must have one number for each class. A table says what each library takes.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch

from complexity_theory import zoo
from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.exports import LIBRARIES, snippet
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.count import count
from complexity_theory.measurement.torchvision import make_importable
from complexity_theory.networks import Network
from complexity_theory.scaling.realise import scale

STRATEGIES = ("", "d", "w", "dwr", "dWr", "dwgr")
FACTORS = (2, 4)


class Ran(NamedTuple):
    """What became of an export: "equal", "refused", or what differs."""

    network: str
    to: str
    found: str


def built(python: str) -> tuple[torch.nn.Module, tuple[int, int, int]]:
    """The model of a snippet, on the meta device, and the size of its input."""
    names: dict[str, Any] = {}
    with torch.device("meta"):
        exec(compile(python, "snippet", "exec"), names)
    return names["model"].eval(), names["input_size"]


def ran(network: Network, to: str) -> Ran:
    """The export of a network executed, its counts and the shape of its output compared."""
    try:
        python = snippet(network, to)
    except InvalidInput as refused:
        return Ran(network.name, to, f"refused: {str(refused).partition(': ')[2]}")
    model, size = built(python)
    if size != (network.in_channels, network.input().height, network.input().width):
        return Ran(network.name, to, f"input {size}")
    with torch.inference_mode():
        output = tuple(model(torch.empty(1, *size, device="meta")).shape)
    if output != (1, network.classes):
        return Ran(network.name, to, f"output {output}")
    counted, own = count(model, Shape(*size)), network.complexity()
    return Ran(network.name, to, "equal" if counted == own else f"{counted} is not {own}")


def variants(names: Iterable[str], strategies: Iterable[str], factors: Iterable[float]) -> Iterator[Network]:
    """The networks, and each scaled by each strategy and factor."""
    for name in names:
        network = zoo.network(name)
        for strategy in strategies:
            for factor in factors if strategy else (1,):
                try:
                    yield scale(network, strategy, factor=factor).network if strategy else network
                except InvalidInput as error:
                    print(f"{name} {strategy} x{factor}: {error}", file=sys.stderr)


def table(rows: Iterable[Ran]) -> report.Table:
    """How many are equal, refused and wrong, for each library."""
    found = Counter((row.to, row.found.partition(":")[0]) for row in rows)
    return report.Table(
        [
            {
                "library": to,
                "equal": found[to, "equal"],
                "refused": found[to, "refused"],
                "wrong": sum(n for (name, kind), n in found.items() if name == to and kind not in ("equal", "refused")),
            }
            for to in LIBRARIES
        ]
    )


def main() -> int:
    """Runs all of them, prints what is wrong, and the table; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="every Nth network only")
    parser.add_argument("--strategies", default=",".join(STRATEGIES), help="to scale by; an empty one: not at all")
    parser.add_argument("--to", choices=LIBRARIES, help="one library only")
    options = parser.parse_args()
    make_importable()
    rows = []
    for network in variants(zoo.names()[:: options.every], options.strategies.split(","), FACTORS):
        for to in LIBRARIES if options.to is None else (options.to,):
            rows.append(ran(network, to))
            if not rows[-1].found.startswith(("equal", "refused")):
                print(*rows[-1], file=sys.stderr, flush=True)
    print(report.render(table(rows)))
    return int(any(not row.found.startswith(("equal", "refused")) for row in rows))


if __name__ == "__main__":
    sys.exit(main())

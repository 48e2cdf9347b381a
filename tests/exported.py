"""Exports executed: ``python -m tests.exported [--every N] [--to timm] [--targets 8GF,16GF] [--run 5]``.

Each snippet is run, and the model that it builds is counted and run forward on an input of the size that the snippet
names: counts must be equal, and the output must have one number for each class. So is each file of torch; each YAML of
pycls is read again as a network. A table says what each form takes of every family.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from complexity_theory import zoo
from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import quantity
from complexity_theory.exports import LIBRARIES, export, snippet
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.count import count
from complexity_theory.measurement.torchvision import make_importable
from complexity_theory.networks import Network
from complexity_theory.networks.pycls import load_config
from complexity_theory.scaling.realise import scale

STRATEGIES = ("", "d", "w", "dwr", "dWr", "dwgr")
FACTORS = (2, 4)
FORMS = (*LIBRARIES, "torch", "pycls")


class Ran(NamedTuple):
    """What became of an export: "equal", "refused", or what differs; "written", where a file was only compiled."""

    network: str
    family: str
    to: str
    found: str


def module_of(text: str) -> torch.nn.Module:
    """The network of a file of torch, made as the file makes it."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "exported", "exec"), names)
    kinds = [kind for kind in names.values() if isinstance(kind, type) and kind.__module__ == "exported"]
    made: torch.nn.Module = kinds[-1]()
    return made


def built(python: str) -> tuple[torch.nn.Module, tuple[int, int, int]]:
    """The model of a snippet, on the meta device, and the size of its input."""
    names: dict[str, Any] = {}
    with torch.device("meta"):
        exec(compile(python, "snippet", "exec"), names)
    return names["model"].eval(), names["input_size"]


def ran(network: Network, to: str, run: bool = True) -> Ran:
    """The export of a network executed, counts and shape of the output compared; without ``run``, of torch compiled."""
    about = (network.name, network.family, to)
    try:
        python = snippet(network, to) if to in LIBRARIES else export(network, to)
    except InvalidInput as refused:
        return Ran(*about, f"refused: {str(refused).partition(': ')[2]}")
    size = (network.in_channels, network.input().height, network.input().width)
    if to == "pycls":
        counted = _read_again(python).complexity()
    else:
        if to == "torch":
            if not run:
                compile(python, network.name, "exec")
                return Ran(*about, "written")
            with torch.device("meta"):
                model = module_of(python).eval()
        else:
            model, named = built(python)
            if named != size:
                return Ran(*about, f"input {named}")
        with torch.inference_mode():
            output = tuple(model(torch.empty(1, *size, device="meta")).shape)
        if output != (1, network.classes):
            return Ran(*about, f"output {output}")
        counted = count(model, Shape(*size))
    own = network.complexity()
    return Ran(*about, "equal" if counted == own else f"{counted} is not {own}")


def _read_again(text: str) -> Network:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.yaml"
        path.write_text(text)
        return load_config(path)


def variants(names: Iterable[str], strategies: Iterable[str], steps: Sequence[dict[str, Any]]) -> Iterator[Network]:
    """The networks, and each scaled by each strategy and step (a factor or a flops target)."""
    for name in names:
        network = zoo.network(name)
        for strategy in strategies:
            for step in steps if strategy else steps[:1]:
                try:
                    yield scale(network, strategy, **step).network if strategy else network
                except InvalidInput as error:
                    print(f"{name} {strategy} {step}: {error}", file=sys.stderr)


def table(rows: Iterable[Ran]) -> report.Table:
    """How many are equal, written, refused and wrong, for each form, and each family for which they are not alike."""
    found = Counter((row.to, row.family, row.found.partition(":")[0]) for row in rows)
    listed = []
    for to in FORMS:
        families = sorted({family for name, family, _ in found if name == to})
        for family in ("all", *families):
            kinds: Counter[str] = Counter()
            for (name, other, kind), n in found.items():
                if name == to and family in ("all", other):
                    kinds[kind if kind in ("equal", "written", "refused") else "wrong"] += n
            listed.append(
                {"to": to, "family": family, **{k: kinds[k] for k in ("equal", "written", "refused", "wrong")}}
            )
    return report.Table(listed)


def main() -> int:
    """Runs all of them, prints what is wrong, and the table; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="every Nth network only")
    parser.add_argument("--first", type=int, default=0, help="from this one on")
    parser.add_argument("--strategies", default=",".join(STRATEGIES), help="to scale by; an empty one: not at all")
    parser.add_argument("--targets", help="flops to scale to, with commas (default: factors of 2 and 4)")
    parser.add_argument("--run", type=int, default=1, help="of files of torch, run every Nth (the rest is compiled)")
    parser.add_argument("--to", choices=FORMS, action="append", help="one form only; may be repeated")
    options = parser.parse_args()
    make_importable()
    steps: list[dict[str, Any]] = [{"factor": factor} for factor in FACTORS]
    if options.targets is not None:
        steps = [{"target_flops": quantity(text, "flops", "a target")} for text in options.targets.split(",")]
    rows: list[Ran] = []
    names = zoo.names()[options.first :: options.every]
    for i, network in enumerate(variants(names, options.strategies.split(","), steps)):
        for to in options.to or FORMS:
            rows.append(ran(network, to, run=i % options.run == 0))
            if not rows[-1].found.startswith(("equal", "refused", "written")):
                print(*rows[-1], file=sys.stderr, flush=True)
    print(report.render(table(rows)))
    return int(any(not row.found.startswith(("equal", "refused", "written")) for row in rows))


if __name__ == "__main__":
    sys.exit(main())

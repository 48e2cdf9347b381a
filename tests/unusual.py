"""Networks drawn at random from libraries, at unusual inputs, held to counters of others.

``python -m tests.unusual [--n 60] [--seed 1] [--seconds 600] [NAME ...]``: none of ``tests.modules``; each with 1, 3
or 4 channels at odd or oblong sizes where it runs so. Its count, that of a module of other sizes and that at a larger
input are compared with torch's FlopCounterMode and wrappers round ``torch.nn.functional``. Exits with 1 where one
differs.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple
from unittest import mock

import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement.torchvision import make_importable
from complexity_theory.measurement.trace.capture import whole_attention
from complexity_theory.measurement.trace.knobs import UNIT, height, larger, sized
from complexity_theory.measurement.trace.tracing import Tracing
from complexity_theory.scaling.closed_form import closed_form
from tests.modules import truth

SIZES = ((97, 97), (160, 224), (225, 193), (320, 192), (256, 256), (224, 224), (384, 384), (299, 299), (448, 448))
HUGE = (
    "giant",
    "huge",
    "gigantic",
    "large",
    "_1b",
    "_3b",
    "_5b",
    "_7b",
    "_so400m",
    "enormous",
    "_xl",
    "_l_",
    "_h_14",
    "_b5",
    "_b6",
    "_b7",
    "_b8",
)
LARGEST = 120_000_000  # params
LAYERS = [f"conv{way}{rank}d" for way in ("", "_transpose") for rank in (1, 2, 3)] + ["linear"]
POOLS = [f"{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3)]


class Others(NamedTuple):
    """What others count: torch's flops (two a multiply-add, no biases), outputs of layers and pools, biased ones."""

    flops: int
    acts: int
    biased: int
    params: int

    def differs(self, ours: Complexity) -> str:
        """What differs from a count of ours; nothing where none does."""
        mine = Others(2 * (ours.flops - self.biased + ours.products), ours.acts, self.biased, ours.params)
        return "" if mine == self else f"{mine} is not {self}"


@contextmanager
def _watched(found: Counter[str]) -> Iterator[None]:
    def wrapper(function: Any, place: int | None) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            first = out[0] if isinstance(out, tuple) else out
            found["acts"] += first.numel()
            bias = args[place] if place is not None and len(args) > place else kwargs.get("bias")
            if bias is not None:
                found["biased"] += first.numel()
            return out

        return wrapped

    with ExitStack() as stack:
        for name in (*LAYERS, *POOLS):
            around = wrapper(getattr(functional, name), None if name in POOLS else 2)
            stack.enter_context(mock.patch.object(functional, name, around))
        yield


def others(module: nn.Module, sides: tuple[int, ...]) -> Others:
    """What others count of one image, on the module's device."""
    found: Counter[str] = Counter()
    device = next((x.device for x in module.parameters()), "cpu")
    with (
        torch.no_grad(),
        whole_attention(),
        sdpa_kernel(SDPBackend.MATH),
        _watched(found),
        FlopCounterMode(display=False) as counter,
    ):
        module.requires_grad_(False).eval()(torch.zeros((1, *sides), device=device))
    params = sum(p.numel() for p in module.parameters())
    return Others(counter.get_total_flops(), found["acts"], found["biased"], params)


def names() -> list[str]:
    """What may be drawn: of timm and torchvision, without those of ``tests.modules``."""
    make_importable()
    import timm
    import torchvision

    known = {network["name"].partition("/")[2].partition(".")[0] for network in truth()}
    found = [f"timm:{name}" for name in timm.list_models()]
    found += [f"torchvision:{name}" for name in torchvision.models.list_models(module=torchvision.models)]
    return [name for name in found if name.partition(":")[2] not in known and not any(x in name for x in HUGE)]


def drawn(name: str, chance: random.Random) -> tuple[nn.Module, tuple[int, ...]]:
    """The network with an input that it takes, unusual where it can be. Raises InvalidInput for one that is large."""
    library, _, short = name.partition(":")
    import timm
    import torchvision

    channels = chance.choice((1, 3, 4)) if library == "timm" else 3
    sizes = [*chance.sample(SIZES[:4], 4), *SIZES[4:]]
    error = ""
    for device in ("meta", "cpu"):
        for way in ({"in_chans": channels}, {}):
            try:
                with torch.device(device):
                    made = timm.create_model(short, **way) if library == "timm" else torchvision.models.get_model(short)
            except Exception as problem:  # of a constructor
                error = str(problem)
                continue
            if sum(p.numel() for p in made.parameters()) > LARGEST:
                raise InvalidInput("too large")
            for tall, wide in sizes:
                sides = (way.get("in_chans", 3), tall, wide)
                with suppress(Exception), torch.no_grad():  # whatever a forward raises
                    made.eval()(torch.zeros((2, *sides), device=device))
                    return made, sides
    raise InvalidInput(f"it does not run: {error}")


class Found(NamedTuple):
    """What became of a network: what is refused of it, and what is wrong."""

    did: tuple[str, ...]
    refused: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def stressed(module: nn.Module, sides: tuple[int, ...], chance: random.Random) -> Found:
    """Counts, scales and reads it elsewhere."""
    did, wrong = ["runs"], []
    expected = others(module, sides)
    try:
        tracing = Tracing(module, sides)
        network = tracing.check()
    except InvalidInput as error:
        return Found(tuple(did), (str(error),))
    if problem := expected.differs(network.complexity()):
        return Found(tuple(did), (), (f"its count: {problem}",))
    did.append("counted")
    refused = [f"{knob.dimension}: {knob.why}" for knob in network.knobs if not knob.moves]
    wrong += ["a knob that does not move says no reason" for knob in network.knobs if not knob.moves and not knob.why]
    moves = {knob.dimension for knob in network.knobs if knob.moves}
    if moves & {"width", "depth"}:
        times = {"d": chance.choice((2, 3)), "w": 2, "g": chance.choice((1, 2))}
        values = tracing.multiplied(d=times["d"], w=times["w"] if "width" in moves else 1, g=times["g"])
        if "width" not in moves:
            values = tracing.multiplied(d=times["d"])
        try:
            made = tracing.scaled(values)
        except InvalidInput as error:
            refused.append(f"scaled by {times}: {error}")
        else:
            did.append("scaled")
            if problem := others(made, sides).differs(network.cost(values)):
                wrong.append(f"scaled by {times}: {problem}")
    if "width" in moves and (problem := uneven(tracing, sides, chance)):
        wrong.append(problem)
    if "resolution" in moves:
        did.append("resolution")
        unit = next(knob.multiple for knob in network.knobs if knob.dimension == "resolution")
        [*_, (tall, wide)] = larger(sides, chance.choice((3, 4)), unit)
        values = tuple(
            {"r": tall, "c": wide}.get(s, k.base) for s, k in zip(network.symbols, network.knobs, strict=True)
        )
        [there] = sized([sides], tall, wide)
        try:
            if problem := others(module, there).differs(network.cost(values)):
                wrong.append(f"at {tall}x{wide}: {problem}")
        except Exception as error:  # whatever a forward raises
            wrong.append(f"at {tall}x{wide} it does not run, and the form does: {error}")
    try:
        form = closed_form(network)
        did.append("form")
        tall = height(sides)
        here = form.flops.subs({x: tall // UNIT if x.name == "n" else 1 for x in form.flops.free_symbols})
        if tall % UNIT == 0 and here != network.complexity().flops:
            wrong.append(f"the form gives {here} at its own size")
    except InvalidInput as error:
        refused.append(f"form: {error}")
    return Found(tuple(did), tuple(dict.fromkeys(refused)), tuple(wrong))


def uneven(tracing: Tracing, sides: tuple[int, ...], chance: random.Random) -> str:
    """What is wrong where each size has a multiplier of its own; nothing too where no module can be made so."""
    times: dict[str, int] = {}
    for knob in tracing.network.knobs:
        free = chance.choice((1, 2, 3)) if knob.dimension != "resolution" else 1
        times[knob.name] = times.get(knob.tied, free) if knob.tied else free
    values = tuple(knob.base * times[knob.name] for knob in tracing.network.knobs)
    if not tracing.network.fits(values):
        return ""
    try:
        made = tracing.scaled(values)
    except InvalidInput as error:
        return f"unevenly scaled: {error}" if "the form says" in str(error) else ""
    problem = others(made, sides).differs(tracing.network.cost(values))
    return f"unevenly scaled: {problem}" if problem else ""


def main(arguments: list[str]) -> int:
    """Prints what is refused and wrong, and how many became what; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.unusual")
    parser.add_argument("names", nargs="*")
    for name, default in (("n", 60), ("seed", 1), ("seconds", 600)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args(arguments)
    chance = random.Random(given.seed)
    todo, begin = [name for name in names() if name in given.names], time.monotonic()
    if not given.names:
        todo = names()
        chance.shuffle(todo)
    became: Counter[str] = Counter()
    warnings.simplefilter("ignore")
    for name in todo:
        if became["networks"] == given.n or time.monotonic() - begin > given.seconds:
            break
        own = random.Random(f"{given.seed} {name}")
        try:
            module, sides = drawn(name, own)
        except InvalidInput as error:
            print(f"{name}: left out: {error}", flush=True)
            continue
        start = time.process_time()
        try:
            found = stressed(module, sides, own)
        except Exception as error:  # a bug: no refusal
            found = Found((), (), (f"{type(error).__name__}: {error}",))
        became.update(["networks", *found.did, *(["wrong"] if found.wrong else [])])
        print(f"{name} {sides} {time.process_time() - start:.1f} s: {' '.join(found.did)}", flush=True)
        for reason in found.refused:
            print(f"    refused: {reason}", flush=True)
        for problem in found.wrong:
            print(f"    WRONG: {problem}", flush=True)
    print(report.render(report.Table([dict(became)], f"Networks at random, seed {given.seed}"), "text"))
    return int(became["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Networks that others wrote, traced: forms, modules of other sizes that train, graphs built anew, each held to others.

``python -m tests.modules --forms [PART OF A NAME ...]`` prints what is refused with its reason, and a table by kind.
"""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement.build import assemble
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import with_weights
from complexity_theory.measurement.trace.capture import tensors_of
from complexity_theory.measurement.trace.tracing import Tracing
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.closed_form import closed_form
from tests.modules import SHARED, constructed

TOLERANCE = 1e-4  # of float32, relative to the largest element of an output


class Traces(NamedTuple):
    """What became of a network that was traced, ``reasons`` of what did not become of it, ``wrong``: what errs.

    ``trains``: a module of twice the sizes costs what the form says, and runs forward and backward. ``same``: the graph
    built anew has the outputs of the module, where it is whole; ``counted``: its shapes and torch's count, in any case.
    ``once``: CPU seconds of a trace; ``checked``: with all checks, and the closed form.
    """

    name: str
    kind: str
    form: bool = False
    widths: bool = False
    depths: bool = False
    resolution: bool = False
    trains: bool = False
    same: bool = False
    counted: bool = False
    reasons: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    once: float = 0
    checked: float = 0


def trains(module: nn.Module, sides: tuple[int, ...]) -> str:
    """Why a module does not run forward and backward in training mode on two images; nothing where it does."""
    some = next(module.parameters())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [
                x for x in tensors_of(module.train()(torch.zeros((2, *sides), device=some.device))) if x.requires_grad
            ]
            torch.stack([x.mean() for x in found]).sum().backward()
    except Exception as error:  # whatever a forward raises
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return "" if any(p.grad is not None for p in module.parameters()) else "no parameter has a gradient"


def outputs(module: nn.Module, x: Tensor) -> list[Tensor]:
    """All tensors that come out, in eval mode."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(tensors_of(module.eval()(x)))


def farthest(module: nn.Module, built: nn.Module, sides: tuple[int, ...]) -> float:
    """The largest difference of what two modules give, relative to the largest element; infinite for other shapes."""
    torch.manual_seed(1)
    x = torch.randn(2, *sides)
    pairs = list(zip(outputs(module, x), outputs(built, x), strict=True))
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max(float((a - b).abs().max() / (a.abs().max() + 1e-9)) for a, b in pairs)


def unsettled(module: nn.Module) -> nn.Module:
    """The module with statistics and scales of its own."""
    torch.manual_seed(0)
    for part in module.modules():
        if getattr(part, "running_var", None) is not None:
            nn.init.uniform_(part.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.normal_(part.running_mean, std=0.1)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in module.parameters():  # what starts as nothing would hide what it multiplies
            if parameter.numel() and not parameter.any():
                parameter.normal_(std=0.1)
    return module


def _counted(module: nn.Module, sides: tuple[int, ...], device: str) -> tuple[int, list[tuple[int, ...]]]:
    """Torch's count of one image, and the shapes that come out."""
    with FlopCounterMode(display=False) as counter:
        found = outputs(module, torch.zeros((1, *sides), device=device))
    return counter.get_total_flops(), [tuple(x.shape) for x in found]


def built_counts(network: Traced, module: nn.Module, sides: tuple[int, ...]) -> str:
    """How the graph built anew differs from the module, by torch's counter and the shapes that come out."""
    with torch.device("meta"):
        built = assemble(network.tree)
    device = next(module.parameters()).device.type
    mine = _counted(built, sides, "meta")
    other = _counted(module, sides, device)
    return "" if mine == other else f"built anew it has {mine}, the module {other}"


def traced(network: dict[str, Any], *, numbers: bool) -> Traces:
    """What becomes of a network at its first size; with ``numbers`` its outputs are compared too."""
    sides = tuple(next(iter(network["sizes"].values()))["input"][1:])
    name, kind = network["name"], network["kind"]
    module = constructed(network["constructor"])
    begin = time.process_time()
    try:
        tracing = Tracing(module, sides)
        once = time.process_time() - begin
        found = tracing.check()
        closed_form(found)
    except InvalidInput as error:
        return Traces(name, kind, reasons=(str(error),))
    seconds = once, time.process_time() - begin
    reasons, wrong = [f"{knob.dimension}: {knob.why}" for knob in found.knobs if not knob.moves], []
    kinds = {knob.dimension for knob in found.knobs if knob.moves}
    if found.tree.complexity(found.input()) != found.complexity():
        wrong.append("its graph costs what the network does not")
    ran = False
    if "width" in kinds:
        larger = tracing.scaled(tracing.multiplied(d=2, w=2, g=2))
        problem = trains(larger, sides)
        if problem:
            again = Tracing(real(network), sides)
            again.check_depths()
            larger = again.scaled(again.multiplied(d=2, w=2, g=2))
            problem = trains(larger, sides)
        ran = not problem
        reasons += [f"training: {problem}"] if problem else []
    reasons += [f"not whole: {why}" for why in found.loose[:1]]
    counted = "it cannot be built"
    if not any(step.kind == "Other" for step in found.steps):
        counted = built_counts(found, module, sides)
        if counted and next(module.parameters()).device.type != "meta":
            counted = built_counts(found, module.to("meta"), sides)
        wrong += [counted] if counted else []
    same = False
    if numbers and not found.loose:
        module = unsettled(real(network))
        far = farthest(module, with_weights(found, module), sides)
        same = far < TOLERANCE
        wrong += [] if same else [f"built anew its outputs are {far:.1e} off"]
    return Traces(
        name, kind, True, "width" in kinds, "depth" in kinds, "resolution" in kinds, ran, same, not counted,
        tuple(dict.fromkeys(reasons)), tuple(wrong), *seconds,
    )  # fmt: skip


def real(network: dict[str, Any]) -> nn.Module:
    """A network with numbers."""
    return constructed(network["constructor"], device="cpu")


def traces(networks: list[dict[str, Any]], *, numbers: bool = False) -> Iterator[Traces]:
    """What becomes of each network."""
    for network in networks:
        try:
            yield traced(network, numbers=numbers)
        except Exception as error:  # a bug: no refusal
            yield Traces(network["name"], network["kind"], wrong=(f"{type(error).__name__}: {error}",))


def widened(data: Path = SHARED / "data", *, without: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each pair that its authors' own arguments widen or deepen, and how the form and our module differ from it."""
    for pair in json.loads((data / "modules" / "widened.json").read_text()):
        if any(part in pair["base"] for part in without):
            continue
        found = Tracing(constructed(pair["base"]), tuple(pair["input"][1:]), **pair["options"])
        expected, sizes = pair["scaled_counts"], found.multiplied(**pair["multipliers"])
        linear = expected["conv_macs"] + expected["linear_macs"]
        want = Complexity(
            linear + expected["conv_biased_acts"] + expected["linear_biased_acts"],
            expected["params"],
            expected["conv_acts"] + expected["linear_acts"] + expected["pool_acts"],
            expected["matmul_macs"],
        )
        costs = (found.network.cost(sizes), count(found.scaled(sizes), tuple(pair["input"][1:])))
        yield pair["scaled"], "; ".join(f"{cost} is not {want}" for cost in costs if cost != want)


def forms(networks: list[dict[str, Any]], *, numbers: bool) -> int:
    """Prints a table by kind, and each refusal with its reason; 1 where anything errs."""
    found: dict[str, Counter[str]] = {}
    errs = 0
    names = ("form", "widths", "depths", "resolution", "trains", "same", "counted")
    for row in traces(networks, numbers=numbers):
        for kind in (row.kind, "all"):
            told = {name: int(getattr(row, name)) for name in names}
            found.setdefault(kind, Counter()).update(networks=1, wrong=bool(row.wrong), **told)
        errs += bool(row.wrong)
        for reason in row.reasons:
            print(f"{row.name}: {reason}", flush=True)
        for problem in row.wrong:
            print(f"{row.name}: WRONG: {problem}", flush=True)
    table = [
        {"kind": kind, **{name: found[kind][name] for name in ("networks", *names, "wrong")}}
        for kind in sorted(found, key=lambda kind: (kind == "all", kind))
    ]
    print(report.render(report.Table(table, "Networks that others wrote, traced"), "text"))
    return int(errs > 0)

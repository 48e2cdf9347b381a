"""Networks as a Python file that needs torch alone: classes of modules, stages as loops, a training step to run."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from complexity_theory.core.errors import InvalidInput
from complexity_theory.exports.lines import named
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.graph import Graph
from complexity_theory.graph.operations import (
    Activation,
    Borrowing,
    Dropout,
    Flatten,
    Folded,
    GlobalAvgPool2d,
    Layer,
    Linear,
    Operation,
    Parameter,
)
from complexity_theory.graph.rows import Call, row
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

WIDTH = 110  # of a line
HELPERS = Path(__file__).parents[1] / "measurement" / "modules.py"  # their source is copied, not imported

_HEAD = '''"""{title}

flops {flops:,} (multiply-adds), params {params:,}, acts {acts:,} for one input of {shape}.
Needs torch alone. As a script it trains one step on random inputs.
"""

{imports}


'''
_TAIL = '''

def train_step(model: nn.Module, batch: int = 2) -> float:
    """One step of SGD on random inputs; returns the loss."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    outputs = model.train()({inputs})
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = torch.stack([out.float().square().mean() for out in outputs]).sum()
    loss.backward()
    optimizer.step()
    return loss.item()


if __name__ == "__main__":
    torch.manual_seed(0)
    model = {name}()
    print(f"{{sum(p.numel() for p in model.parameters()):,}} params, loss {{train_step(model):.4f}}")
'''


def source(network: Network | Traced) -> str:
    """The Python file of a network (of the zoo, of stages, or traced). Raises InvalidInput for what cannot be built."""
    shapes = [Shape(*sides) for sides in network.inputs] if isinstance(network, Traced) else [network.input()]
    if loose := getattr(network, "loose", ()):
        raise InvalidInput(f"{network.name} cannot be written as it is: {loose[0]}")
    writer = _Writer()
    name = writer.top(network.tree, _class_name(network.name) or "Network")
    cost = network.complexity()
    shape = " and ".join(map(str, shapes))
    title = f"{network.name}{f': {network.note}' if network.note else ''}."
    given = ", ".join(f"torch.randn(batch, {', '.join(map(str, s.dims))})" for s in shapes)
    body = "\n\n".join(writer.classes)
    head = _HEAD.format(
        title=title, flops=cost.flops, params=cost.params, acts=cost.acts, shape=shape, imports=writer.imports(body)
    )
    return head + writer.helpers(body) + body + _TAIL.format(inputs=given, name=name)


def _class_name(text: str) -> str:
    name = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", text) if part)
    return f"Network{name}" if name[:1].isdigit() else name


def _attribute(text: str) -> str:
    name = re.sub(r"[^0-9A-Za-z]+", "_", text).strip("_").lower()
    return f"layer{name}" if not name or name[0].isdigit() else name


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(map(_literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value) if not isinstance(value, str) else f'"{value}"'


class _Writer:
    """Collects classes, each distinct composite once."""

    def __init__(self) -> None:
        self.classes: list[str] = []
        self.known: dict[Layer, str] = {}
        self.names: set[str] = {"Tensor", "nn", "torch"}

    def top(self, layer: Layer, name: str) -> str:
        """The class of the whole network."""
        return self._class(layer, name)

    def imports(self, body: str) -> str:
        """What the file imports."""
        needs = self._needed(body)
        typing = ["import math", ""] if any("math." in text for text in needs) else []
        return "\n".join([*typing, "import torch", "from torch import Tensor, nn"])

    def helpers(self, body: str) -> str:
        """The classes that torch has not, as this package has them."""
        return "".join(f"{text}\n\n\n" for text in self._needed(body))

    def _needed(self, body: str) -> list[str]:
        known = _helper_sources()
        return [text for name, text in known.items() if re.search(rf"(?<![\w.]){name}\(", body)]

    def _unique(self, name: str) -> str:
        found, i = name, 2
        while found in self.names:
            found, i = f"{name}{i}", i + 1
        self.names.add(found)
        return found

    def _class(self, layer: Layer, name: str) -> str:
        if layer in self.known:
            return self.known[layer]
        found = self.known[layer] = self._unique(name)
        program = _Program(self, found)
        inputs = (
            [f"x{i}" for i in range(len(layer.inputs))] if isinstance(layer, Graph) and len(layer.inputs) > 1 else ["x"]
        )
        out = program.graph(layer, inputs) if isinstance(layer, Graph) else program.add(layer, inputs, "")
        self.classes.append(program.text(found, inputs, out))
        return found

    def expression(self, layer: Layer, path: str) -> str:
        """What makes the module of a layer that takes one input."""
        if isinstance(layer, Operation):
            return self.operation(layer)
        if isinstance(layer, Repeat):
            return f"nn.Sequential(*({self._each(layer, path)} for _ in range({layer.times})))"
        if isinstance(layer, Sequential) and all(_is_module(part) for _, part in _unnested(layer)):
            parts = []
            for name, part in _flattened(layer):
                inner = f"{path}_{name}" if path else name
                if isinstance(part, Repeat):
                    if part.times:
                        parts.append(f"*({self._each(part, inner)} for _ in range({part.times}))")
                else:
                    parts.append(self.expression(part, inner))
            return parts[0] if len(parts) == 1 else _call("nn.Sequential", parts)
        return f"{self._class(layer, _class_name(path) or 'Block')}()"

    def _each(self, layer: Repeat, path: str) -> str:
        return self.expression(layer.part, path.removesuffix("_rest") or "block")

    def operation(self, operation: Operation) -> str:
        """The constructor of an operation that is a module."""
        if isinstance(operation, Borrowing):
            raise InvalidInput("weights that several layers share cannot be written as a file")
        if isinstance(operation, Folded):
            return _call("Folded", [self.operation(operation.operation), str(operation.lead)])
        call = row(operation).torch(operation)
        if _is_function(call):
            return _call("Function", [f'"{call.name}"', _literal(call.arguments), _dict(call.settings)])
        return _call(call.name, _arguments(call))


def _dict(settings: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f'"{k}": {_literal(v)}' for k, v in settings.items()) + "}"


# What torch takes where nothing is said.
_DEFAULTS = {"stride": 1, "dilation": 1, "padding": 0, "output_padding": 0, "groups": 1, "bias": True, "affine": True}
_CONVOLVING = re.compile(r"nn\.(Conv|Linear|BatchNorm|GroupNorm|LayerNorm)")


def _arguments(call: Call) -> list[str]:
    usual = _DEFAULTS if _CONVOLVING.match(call.name) else {}
    settings = {name: value for name, value in call.settings.items() if name not in usual or usual[name] != value}
    return [*map(_literal, call.arguments), *(f"{name}={_literal(value)}" for name, value in settings.items())]


def _call(name: str, arguments: Sequence[str], indent: int = 8) -> str:
    """A call on one line where it fits, else an argument a line."""
    line = f"{name}({', '.join(arguments)})"
    if len(line) + indent <= WIDTH - 20 and "\n" not in line:
        return line
    inner = ",\n".join(_indented(argument) for argument in arguments)
    return f"{name}(\n{inner},\n)"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))


def _is_function(call: Call) -> bool:
    return call.name.startswith("torch.") or call.name.startswith("nn.functional.")


def _is_module(layer: Layer) -> bool:
    """Whether it is made as a module of one input, without code of its own."""
    if isinstance(layer, (Repeat, Residual, Gate)):
        return True
    if isinstance(layer, Sequential):
        return True
    if isinstance(layer, Graph):
        return len(layer.inputs) == 1 and not layer.more
    inner = layer.operation if isinstance(layer, (Folded, Borrowing)) else layer
    return not _is_function(row(cast(Operation, inner)).torch(inner)) and not isinstance(inner, Parameter)


class _Program:
    """The ``__init__`` and ``forward`` of a class."""

    def __init__(self, writer: _Writer, name: str) -> None:
        self.writer, self.name = writer, name
        self.made: list[str] = []
        self.lines: list[tuple[str, str]] = []
        self.attributes = {"training", "forward"}
        self.count = 0

    def text(self, name: str, inputs: Sequence[str], out: Sequence[str]) -> str:
        """The class."""
        taken = ", ".join(f"{x}: Tensor" for x in inputs)
        gives = "Tensor" if len(out) == 1 else "tuple[Tensor, ...]"
        made = "\n".join(_indented(_indented(line)) for line in self.made)
        lines = "\n".join(_indented(_indented(line)) for line in named(self.lines, inputs, out))
        return (
            f"class {name}(nn.Module):\n    def __init__(self) -> None:\n        super().__init__()\n{made}\n\n"
            f"    def forward(self, {taken}) -> {gives}:\n{lines}\n"
        ).replace("super().__init__()\n\n\n", "super().__init__()\n\n")

    def attribute(self, path: str) -> str:
        """A name for a submodule that no other has."""
        name, i = _attribute(path), 2
        found = name
        while found in self.attributes or hasattr(dict, found):
            found, i = f"{name}_{i}", i + 1
        self.attributes.add(found)
        return found

    def variable(self) -> str:
        """A fresh variable."""
        self.count += 1
        return f"v{self.count}"

    def add(self, layer: Layer, inputs: Sequence[str], path: str, out: str | None = None) -> list[str]:
        """The lines of a layer on variables; returns those that it gives."""
        if isinstance(layer, Sequential):
            value = list(inputs)
            for name, part in _flattened(layer):
                value = self.add(part, value, f"{path}_{name}" if path else name)
            return value
        if isinstance(layer, Residual):
            body = self._branch(layer.body, inputs, path or "body")
            beside = (
                inputs[0] if layer.shortcut is None else self._branch(layer.shortcut, inputs, f"{path or ''}_shortcut")
            )
            return self._assigned(f"{body} + {beside}", out)
        if isinstance(layer, Gate):
            gate = self._branch(layer.body, inputs, f"{path or ''}_gate")
            flat = "[:, :, None, None]" if _has_linear(layer.body) else ""
            return self._assigned(f"{inputs[0]} * {gate}{flat}", out)
        if isinstance(layer, (Repeat, Graph)) and not (isinstance(layer, Graph) and len(layer.inputs) > 1):
            return self._module(self.writer.expression(layer, path or "block"), inputs, path or "block", out)
        if isinstance(layer, Graph):
            return self.graph(layer, inputs)
        return self._operation(cast(Operation, layer), inputs, path, out)

    def _branch(self, layer: Layer, inputs: Sequence[str], path: str) -> str:
        if _is_module(layer) and not isinstance(layer, Operation):
            return self._module(self.writer.expression(layer, path.strip("_")), inputs, path.strip("_"), None)[0]
        return self.add(layer, inputs, path.strip("_"))[0]

    def _module(self, made: str, inputs: Sequence[str], path: str, out: str | None) -> list[str]:
        name = self.attribute(path)
        self.made.append(f"self.{name} = {made}")
        first = "[0]" if re.match(r"nn\.(LSTM|GRU|RNN)\(", made) else ""  # what comes out, without the last state
        return self._assigned(f"self.{name}({', '.join(inputs)}){first}", out)

    def _assigned(self, expression: str, out: str | None) -> list[str]:
        found = out or self.variable()
        self.lines.append((found, expression))
        return [found]

    def _operation(self, operation: Operation, inputs: Sequence[str], path: str, out: str | None) -> list[str]:
        if isinstance(operation, (Folded, Borrowing)):
            return self._module(self.writer.operation(operation), inputs, path, out)
        call = row(operation).torch(operation)
        if not _is_function(call):
            return self._module(self.writer.operation(operation), inputs, path or type(operation).__name__, out)
        return self._assigned(_function(call, inputs), out)

    def graph(self, graph: Graph, inputs: Sequence[str]) -> list[str]:
        """The lines of a graph, a variable for each node; a node that one other takes alone is put on in place."""
        values = dict(zip(graph.inputs, inputs, strict=True))
        for node in graph.nodes:
            taken = [values[name] for name in node.inputs]
            [values[node.name]] = self.add(node.layer, taken, node.name)
        return [values[name] for name in (graph.output_name, *graph.more)]


def _flattened(layer: Sequential) -> list[tuple[str, Layer]]:
    """Its parts, with a Flatten between a global pool and a linear layer, which takes its map as flat."""
    parts: list[tuple[str, Layer]] = []
    pooled = False
    for name, part in _unnested(layer):
        if isinstance(part, Linear) and pooled:
            parts.append(("flat", Flatten()))
        pooled = isinstance(part, GlobalAvgPool2d) or (pooled and isinstance(part, (Activation, Dropout)))
        parts.append((name, part))
    return parts


def _unnested(layer: Sequential) -> list[tuple[str, Layer]]:
    """Its parts, with those of sequences within in their place."""
    parts: list[tuple[str, Layer]] = []
    for name, part in layer.parts:
        parts.extend(_unnested(part) if isinstance(part, Sequential) else [(name, part)])
    return parts


def _has_linear(layer: Layer) -> bool:
    return isinstance(layer, Linear) or (
        isinstance(layer, Sequential) and any(_has_linear(part) for _, part in layer.parts)
    )


_SIGNS = {"torch.add": " + ", "torch.mul": " * ", "torch.sub": " - ", "torch.div": " / "}


def _function(call: Call, inputs: Sequence[str]) -> str:
    if call.name in _SIGNS and not call.arguments and not call.settings and len(inputs) > 1:
        return _SIGNS[call.name].join(inputs)
    name = call.name
    given = [f"[{', '.join(inputs)}]"] if name == "torch.cat" else list(inputs)
    return f"{name}({', '.join([*given, *_arguments(call)])})"


@cache
def _helper_sources() -> dict[str, str]:
    text = HELPERS.read_text()
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = str(ast.get_source_segment(text, node))
    return found

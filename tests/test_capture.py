"""A run of a module is watched on a copy: the module stays as it was, whatever it is; what is unknown raises."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.measurement.count import breakdown, count
from complexity_theory.measurement.trace.capture import capture, foreseen
from complexity_theory.measurement.trace.names import KEEPING
from tests.random_layers import examples
from tests.wilder_modules import WILD


def snapshot(module: nn.Module) -> list[Any]:
    """All that watching must leave alone: tensors and who they are, gradients, modes, hooks, attributes, randomness."""
    tensors = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    found: list[Any] = []
    for name, x in tensors:
        lazy = isinstance(x, nn.parameter.UninitializedTensorMixin)
        held = None if lazy else (x.data_ptr(), x._version, x.detach().clone())
        grad = None if x.grad is None else (id(x.grad), x.grad.clone())
        found.append((name, id(x), x.device, x.requires_grad, held, grad))
    for name, part in module.named_modules(remove_duplicate=False):
        hooks = dict(part._forward_hooks), dict(part._forward_pre_hooks)
        found.append((name, id(part), type(part), part.training, hooks, {k: id(v) for k, v in vars(part).items()}))
    return [*found, torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()]


def same(a: Any, b: Any) -> bool:
    """Whether two snapshots are equal, tensors by their elements."""
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


WIDTH = 4


def draw_numbers() -> None:
    """Moves every random state."""
    random.random()
    np.random.rand()
    torch.rand(1, device="cpu")


class Wrapped(nn.Module):
    """A module beside another name of it, a buffer that is a view, and a plain tensor."""

    def __init__(self, part: nn.Module, again: nn.Module) -> None:
        super().__init__()
        self.part, self.again, self.kept = part, again, [part]
        self.table = nn.Buffer(torch.rand(WIDTH, 2)[:, 0])
        self.plain, self.seen = torch.rand(1), {}

    def forward(self, x: Tensor) -> Tensor:
        self.seen["last"] = x  # a forward that keeps something
        draw_numbers()
        return self.again(self.kept[0](x)) * self.table.view(-1, 1, 1) + self.plain


@st.composite
def modules(draw: Any) -> nn.Module:
    """A random module of width 4: modules, weights and norms shared, modes and gradients of its own, hooks."""
    conv, other = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, WIDTH, 1)
    tied, norm = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH)
    tied.weight = conv.weight
    leaves = [conv, conv, other, tied, norm, norm, nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Identity()]
    parts = draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=6))
    for _ in range(draw(st.integers(0, 2))):
        a, b = draw(st.sampled_from(parts)), draw(st.sampled_from(parts))
        parts.append(Wrapped(a, b))
    module = nn.Sequential(*parts)
    for part in module.modules():
        part.training = draw(st.booleans())
    for parameter in module.parameters():
        parameter.requires_grad = draw(st.booleans())
    if draw(st.booleans()):
        module[0].register_forward_hook(lambda part, args, out: out + 1)
    for parameter in module.parameters():
        if draw(st.booleans()):
            parameter.grad = torch.rand_like(parameter)
    return module


@examples(60)
@given(modules(), st.sampled_from([None, "meta", "cpu"]))
def test_watching_leaves_any_module_as_it_was(module: nn.Module, device: str | None) -> None:
    before = snapshot(module)
    try:
        count(module, Shape(WIDTH, 5, 5), device=device)
        breakdown(module, Shape(WIDTH, 5, 5), device=device)
    except InvalidInput:  # numbers are asked of the meta device
        assert device == "meta"
    assert same(before, snapshot(module))


@pytest.mark.parametrize("name", WILD)
def test_modules_in_the_wild_stay_as_they_were(name: str) -> None:
    make, shapes = WILD[name]
    module = make()
    before = snapshot(module)
    count(module, *shapes)
    count(module, *shapes, device="cpu")
    with pytest.raises(InvalidInput):
        count(module, *[(*shape, 1, 1) for shape in shapes])
    assert same(before, snapshot(module))


def test_the_snapshot_sees_what_a_forward_does() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = snapshot(module)
    module(torch.rand(2, 3, 8, 8))  # moves the statistics
    assert not same(before, snapshot(module))


class Tally:
    """An object of the user's that holds tensors: a leaf, and one that was computed."""

    def __init__(self) -> None:
        self.seen = torch.zeros(4)
        self.scaled = nn.Parameter(torch.ones(4)) * 2


class Tallying(nn.Module):
    """Writes to what its object holds, at each run."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.tally = nn.Conv2d(3, 4, 3), Tally()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(x)
        self.tally.seen += 1
        with torch.no_grad():
            self.tally.scaled.add_(1)
        return found * self.tally.scaled.reshape(4, 1, 1)


def test_tensors_that_an_object_holds_stay_as_they_were() -> None:
    module = Tallying()
    assert count(module, Shape(3, 8, 8)).flops == 28 * 4 * 6 * 6
    assert module.tally.seen.tolist() == [0, 0, 0, 0]
    assert module.tally.scaled.tolist() == [2, 2, 2, 2]


def test_a_shared_convolution_stays_on_its_device() -> None:
    conv = nn.Conv2d(8, 8, 3, padding=1)
    module = nn.Sequential(conv, nn.ReLU(), conv)
    assert count(module, Shape(8, 4, 4)) == Complexity(18688, 584, 256)
    assert conv.weight.device.type == "cpu"
    assert all(x.device.type == "cpu" for x in module.state_dict().values())


def test_functions_are_counted() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 16, 3, bias=False), nn.Linear(16, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(nn.functional.conv2d(x, self.conv.weight, stride=2, padding=1).mean((2, 3)))

    assert count(Net(), Shape(3, 32, 32)).flops == 110_762  # 27 x 16 x 16 x 16 + (16 + 1) x 10


def test_a_transposed_convolution_is_counted() -> None:
    counted = count(nn.ConvTranspose2d(3, 1, 2, stride=2), Shape(3, 2, 2))
    assert counted == Complexity(48 + 16, 13, 16)


class Unknown(nn.Module):
    """An operation that computes, and that nothing counts."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x).real


@pytest.mark.parametrize(
    ("unknown", "name"),
    [
        (Unknown(), "_fft_c2c"),
        (nn.Bilinear(1, 1, 1), "_trilinear"),
        (nn.CosineSimilarity(), None),
    ],
)
def test_an_operation_without_a_rule_raises_with_its_name_and_place(unknown: nn.Module, name: str | None) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.after = nn.Conv2d(3, 3, 1), unknown

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return self.after(y) if isinstance(unknown, Unknown) else self.after(y.view(1, -1, 1), y.view(1, -1, 1))

    if name is None:  # made of operations that are free
        assert count(Net(), Shape(3, 4, 4)).flops == 4 * 3 * 16
        return
    with pytest.raises(InvalidInput, match=f"no rule counts the operation {name} in 'after'"):
        count(Net(), Shape(3, 4, 4))


def test_a_custom_operation_raises() -> None:
    library = torch.library.Library("complexity_theory_test", "DEF")
    library.define("mystery(Tensor x) -> Tensor")
    library.impl("mystery", lambda x: x * 2, "CompositeExplicitAutograd")

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.ops.complexity_theory_test.mystery(x)

    with pytest.raises(InvalidInput, match="complexity_theory_test::mystery"):
        count(Net(), Shape(3, 4, 4))


@pytest.mark.parametrize(
    ("module", "inputs", "says"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3)), [Shape(5, 8, 8)], "'0' (Conv2d) does not run on an input of 5x8x8"),
        (nn.Conv2d(3, 4, 3), [], "the module does not run on an input of"),
        (nn.Linear, [Shape(5)], "a torch.nn.Module is needed, not <class 'torch.nn.modules.linear.Linear'>"),
    ],
)
def test_what_does_not_run_is_one_line(module: Any, inputs: list[Shape], says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        count(module, *inputs)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown device 'tpu'"):
        count(nn.ReLU(), Shape(3), device="tpu")


class Locked(nn.Module):
    """Holds what cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.lock, self.conv = threading.Lock(), nn.Conv2d(3, 4, 1)
        self.held = {"lock": threading.RLock(), "convs": [self.conv]}

    def forward(self, x: Tensor) -> Tensor:
        with self.lock:
            return self.held["convs"][0](x)


def test_what_cannot_be_copied_is_shared() -> None:
    module = Locked()
    before = snapshot(module)
    assert count(module, Shape(3, 2, 2)) == Complexity(64, 16, 16)
    assert same(before, snapshot(module))


def test_tensors_may_be_given_for_inputs() -> None:
    module = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2))
    assert count(module, torch.zeros(1, 7, dtype=torch.int64)) == Complexity(7 * 5 * 2, 50, 14)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler about torch itself
def test_a_compiled_module_is_counted_as_what_it_compiles() -> None:
    module = nn.Conv2d(3, 4, 3)
    assert count(torch.compile(module), Shape(3, 8, 8)) == count(module, Shape(3, 8, 8))


def test_a_run_holds_places_names_and_versions() -> None:
    conv = nn.Conv2d(3, 3, 1)
    ran = capture(nn.Sequential(conv, nn.ReLU(inplace=True), conv), (3, 4, 4))
    assert [(node.name, node.path, node.in_place) for node in ran.nodes] == [
        ("conv2d", "0", False),
        ("relu", "1", True),
        ("conv2d", "0", False),
    ]
    first, relu, last = ran.nodes
    assert ran.values[first.args[1].id].name == "0.weight"
    assert relu.args[0].id == first.outputs[0]
    assert last.args[0].id == relu.outputs[0] != first.outputs[0]
    assert ran.outputs == last.outputs
    assert [call.name for call in ran.calls] == ["", "0", "1", "0"]


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(1, 3),
    "cut": lambda x: x[:, 1:, ::2],
    "expanded": lambda x: x[:, :1].expand(-1, 6, -1, -1),
    "halves": lambda x: x.half(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", sorted(KEEPING))
def test_what_is_foreseen_of_an_operation_is_what_torch_says(name: str, layout: str) -> None:
    x = LAYOUTS[layout](torch.empty(2, 3, 6, 5, device="meta"))
    packet = getattr(torch.ops.aten, name)
    several = "Tensor" in packet.overloads()
    func, args = (packet.Tensor, (x, x)) if several else (packet.default, (x,))
    found, told = foreseen(func, name, args), func(*args)
    assert found is not None
    assert (found.shape, found.stride(), found.dtype) == (told.shape, told.stride(), told.dtype)
    if several:
        assert foreseen(func, name, (x, x[:1])) is None
        assert foreseen(func, name, (x, x.double())) is None
        assert foreseen(func, name, (x, 1j)) is None
    in_place = getattr(torch.ops.aten, f"{name}_", None)
    if in_place is not None:
        assert foreseen(in_place.Tensor if several else in_place.default, name, args) is x
    assert foreseen(func, name, (torch.empty(2, 3), *args[1:])) is None
    assert foreseen(func, name, (torch.empty(2, 3, dtype=torch.int64, device="meta"), *args[1:])) is None

"""Modules traced: counts, closed forms, files, modules of other sizes, and the network built anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sympy
import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.complexity import Complexity
from complexity_theory.measurement import scaled as scaled_by_name
from complexity_theory.measurement.build import build
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import scaled, trace, with_weights
from complexity_theory.measurement.trace.capture import tensors_of
from complexity_theory.measurement.trace.tracing import Tracing
from complexity_theory.networks import files
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.closed_form import closed_form
from complexity_theory.scaling.realise import scale
from tests.detector import Backbone, make
from tests.modules import constructed, truth
from tests.odder_modules import ODD
from tests.traces import widened
from tests.wilder_modules import WILD

INPUT = (3, 64, 96)


def tracing(module: nn.Module, *shapes: tuple[int, ...], **settings: Any) -> Tracing:
    """A module traced, not checked."""
    return Tracing(module, *shapes, **settings)


@pytest.fixture(scope="module")
def detector() -> Traced:
    """A backbone with group convolutions, squeeze-excite, concatenation and dilation."""
    return trace(make(), INPUT, name="detector")


def test_a_traced_network_costs_what_its_module_costs(detector: Traced) -> None:
    assert detector.complexity() == detector.tree.complexity(detector.input()) == count(make(), INPUT)
    for sides in ((96, 64), (100, 36)):
        assert detector.complexity(sides) == count(make(), (3, *sides))


def test_its_closed_form_holds_at_other_sizes(detector: Traced) -> None:
    form = closed_form(detector)
    assert form.flops.is_polynomial(d, w, g, n)
    for widths, depths, height in (((64, 128, 256), (2, 4, 2), 128), ((64, 128, 256), (4, 8, 4), 64)):
        at = {d: depths[0] // 2, w: 1, g: 1, n: sympy.Rational(height, 32)}
        real = count(Backbone(widths, depths), (3, height, height * 3 // 2))
        assert [form.flops.subs(at), form.params.subs(at), form.acts.subs(at)] == [*real.as_dict().values()]


def test_a_wrong_form_is_never_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1))
    found = tracing(net, (3, 32, 32))
    monkeypatch.setattr(Traced, "cost", lambda self, values: Complexity(1, 2, 3))
    with pytest.raises(InvalidInput, match=r"costs Complexity\(.*and the form says Complexity\(flops=1"):
        found.scaled(found.multiplied(w=2))
    still = found.check()
    assert not any(knob.moves for knob in still.knobs)
    assert all(knob.why for knob in still.knobs)
    with pytest.raises(InvalidInput, match="the steps of Sequential have 1 flops an image"):
        trace(net, (3, 32, 32))


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_file_gives_the_network_back(detector: Traced, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    files.dump(detector, path)
    found = files.load_network(path)
    assert found == detector
    assert found.complexity() == detector.complexity()
    assert closed_form(found) == closed_form(detector)


def test_reading_a_file_needs_no_torch(detector: Traced, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "net.json"
    files.dump(detector, path)
    code = (
        "import sys; from pathlib import Path; from complexity_theory.networks.files import load_network; "
        f"print(load_network(Path({str(path)!r})).complexity().flops, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(detector.complexity().flops), "False"]


def test_scaling_hits_its_target_and_the_module_follows(detector: Traced) -> None:
    found = scale(detector, "dWr", target_flops=4 * detector.complexity().flops)
    assert abs(found.deviation) < 0.01
    module = scaled(make(), INPUT, to=found.network)
    assert type(module) is Backbone
    assert count(module, (3, *found.network.resolution)) == found.complexity
    sum(out.mean() for out in module.train()(torch.rand(2, *INPUT))).backward()
    assert all(p.grad is not None for p in module.parameters())


def test_scaled_is_a_name_of_the_room() -> None:
    assert scaled_by_name is scaled


def outputs(module: nn.Module, x: Tensor) -> list[Tensor]:
    """All tensors that come out, in eval mode."""
    with torch.no_grad():
        return list(tensors_of(module.eval()(x)))


def farthest(module: nn.Module, built: nn.Module, sides: tuple[int, ...]) -> float:
    """The largest difference of what two modules give, relative to the largest element."""
    torch.manual_seed(1)
    x = torch.randn(2, *sides)
    pairs = zip(outputs(module, x), outputs(built, x), strict=True)
    return max(float((a.reshape(-1) - b.reshape(-1)).abs().max() / (a.abs().max() + 1e-9)) for a, b in pairs)


def unsettled(module: nn.Module) -> nn.Module:
    """The module with statistics of its own."""
    for part in module.modules():
        if getattr(part, "running_var", None) is not None:
            nn.init.uniform_(part.running_var, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.normal_(part.running_mean, std=0.1)  # type: ignore[arg-type]
    return module


def test_what_is_built_anew_gives_what_the_module_gives() -> None:
    module = unsettled(make())
    built = with_weights(trace(module, INPUT, check=False), module)
    assert farthest(module, built, INPUT) < 1e-5
    with torch.no_grad():
        next(module.parameters()).add_(0.1)
    assert farthest(module, built, INPUT) > 1e-5  # the comparison can fail


def test_norms_that_scale_and_do_not_shift_give_what_they_give() -> None:
    make_norms, sides = ODD["norms_without_shifts"]
    module = make_norms()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    network = trace(module, sides, check=False)
    assert network.loose == ()
    assert farthest(module, with_weights(network, module), sides) < 1e-5


# What cannot be traced: it runs on one image alone, or as many as its data says.
REFUSED = {"dynamic_weights": "does not run on an input of", "boolean_mask": "what runs depends on data"}


@pytest.mark.parametrize("name", [name for name in WILD if name not in REFUSED])
def test_modules_in_the_wild_traced_cost_what_they_cost(name: str) -> None:
    """And what is built of them anew, where it is said to be whole, gives what they give."""
    make_wild, shapes = WILD[name]
    network = trace(make_wild(), *shapes, check=False)
    assert network.complexity() == count(make_wild(), *shapes)
    if network.loose or len(shapes) > 1:
        return
    torch.manual_seed(0)
    module = unsettled(make_wild().float())
    outputs(module, torch.zeros(1, *shapes[0]))  # a lazy module makes its weights
    assert farthest(module, with_weights(trace(module, *shapes, check=False), module), shapes[0]) < 1e-5


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_traced_says_why(name: str) -> None:
    make_wild, shapes = WILD[name]
    with pytest.raises(InvalidInput, match=REFUSED[name]) as error:
        trace(make_wild(), *shapes)
    assert "\n" not in str(error.value)


SAMPLE = """timm/resnetv2_18 timm/convnextv2_atto timm/pvt_v2_b0 tv/shufflenet_v2_x0_5 smp/Unet-resnet18 user/net3d
    user/net1d user/unet_up user/split user/constants"""


@pytest.mark.parametrize("name", SAMPLE.split())
def test_networks_of_others_in_closed_form(name: str, shared_data: Path) -> None:
    """``trace`` itself holds them to modules of twice the depth and width, and to other resolutions."""
    [network] = [network for network in truth(shared_data) if network["name"] == name]
    sizes = [expected for expected in network["sizes"].values() if "error" not in expected]
    found = trace(constructed(network["constructor"]), tuple(sizes[0]["input"][1:]))
    for metric, value in found.complexity().as_dict().items():
        assert value == sizes[0][metric]
    moving = {knob.dimension for knob in found.knobs if knob.moves}
    assert {"width", "resolution"} <= moving
    assert sympy.sympify(closed_form(found).flops).is_polynomial(d, w, g, n)


def test_the_authors_own_arguments_widen_and_deepen_as_the_form_says(shared_data: Path) -> None:
    # The transformers are in ``python -m tests.modules --widened``.
    compared = dict(widened(shared_data, without=("swin", "vit")))
    assert len(compared) == 6
    assert set(compared.values()) == {""}


def test_only_and_fix_choose_what_widens() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 1))
    first = trace(net, (3, 32, 32), only=["0"])
    assert [knob.name for knob in first.knobs if knob.dimension == "width"] == ["0.width"]
    second = trace(net, (3, 32, 32), fix=["0"])
    assert [knob.name for knob in second.knobs if knob.dimension == "width"] == ["1.width"]


def test_what_mixes_the_images_of_a_batch_has_no_cost_of_one() -> None:
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            y = self.fc(x)
            return (y @ y.t()).softmax(-1) @ y

    with pytest.raises(InvalidInput, match="the images of a batch are mixed"):
        trace(Mixing(), (8,))


def test_a_module_that_holds_sizes_as_numbers_keeps_its_widths() -> None:
    class Holding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            assert y.shape[1] == 8
            return self.out(y)

    found = trace(Holding(), (3, 32, 32))
    [width] = [knob for knob in found.knobs if knob.dimension == "width"]
    assert not width.moves
    assert "AssertionError" in width.why
    with pytest.raises(InvalidInput, match="no module of these sizes can be made of Holding"):
        scaled(Holding(), (3, 32, 32), width=2)


def test_build_takes_a_traced_network(detector: Traced) -> None:
    built = build(detector)
    assert count(built, detector.input()) == detector.complexity()

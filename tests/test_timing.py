"""The protocol of timing, checked in simulated time, and the phases of a step on the CPU."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement import timing
from complexity_theory.measurement.hardware import Cpu, Device, device
from complexity_theory.measurement.jobs import Settings
from complexity_theory.measurement.protocol import Protocol, is_noisy
from complexity_theory.measurement.timing import Clock, Timing, measure, peak_memory, shares
from complexity_theory.measurement.workload import batch_of, in_order, phases
from tests.fake_device import FakeDevice

RULES = Protocol(min_time=0.5, max_time=2.0)


def check_protocol(fake: FakeDevice, timed: Timing) -> None:
    """Fails unless the cold calls are left out, and both clocks saw all of the device's work and nothing else."""
    assert timed.samples == pytest.approx([fake.WARM] * len(timed.samples), rel=0.02)
    assert timed.device_samples == pytest.approx([fake.WARM] * len(timed.samples), rel=0.02)
    assert timed.warmup_calls > 3
    readings = [i for i, what in enumerate(fake.log) if what == "now"]
    assert all(fake.log[i - 3 : i] == ["record", "synchronize", "record"] for i in readings)


def test_warm_up_synchronise_record_in_order() -> None:
    fake = FakeDevice()
    timed = measure(fake.launch, fake, RULES)
    check_protocol(fake, timed)
    assert sum(timed.samples) * timed.block >= RULES.min_time


class NoSynchronize(FakeDevice):
    def synchronize(self) -> None:
        return


class NoRecord(FakeDevice):
    def record(self) -> float:
        return 0.0


class LateClock(Clock):
    """Synchronises, but marks the device's time only before the work."""

    def __call__(self) -> float:
        self._device.synchronize()
        return self._device.now()


def no_warm_up(*_: object) -> tuple[int, float]:
    return 0, 0.0


@pytest.mark.parametrize("fake", [NoSynchronize(), NoRecord()])
def test_the_check_fails_on_a_device_that_is_not_synchronised_or_marked(fake: FakeDevice) -> None:
    with pytest.raises(AssertionError):
        check_protocol(fake, measure(fake.launch, fake, RULES))


@pytest.mark.parametrize(("name", "broken"), [("Clock", LateClock), ("_warm_up", no_warm_up)])
def test_the_check_fails_where_a_step_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str, broken: object) -> None:
    monkeypatch.setattr(timing, name, broken)
    fake = FakeDevice(cold=40)
    with pytest.raises(AssertionError):
        check_protocol(fake, measure(fake.launch, fake, RULES))


def test_warm_up_goes_on_while_calls_get_faster_and_ends_at_its_limit() -> None:
    assert measure((fake := FakeDevice(cold=0)).launch, fake, RULES).warmup_calls == 3

    class EverFaster(FakeDevice):
        COLD = 100.0

        def launch(self) -> None:
            super().launch()
            self.COLD *= 0.9

    fake = EverFaster(cold=10**9)
    assert measure(fake.launch, fake, Protocol(warmup=250.0, max_time=1.0)).warmup_calls == 5


def test_samples_go_on_until_they_are_quiet_or_the_time_is_over() -> None:
    class Noisy(FakeDevice):
        """Calls take 10 or 20 ms in turn, ``calls`` times; then always 10 ms."""

        calls = 10**9

        def launch(self) -> None:
            self.calls -= 1
            self.WARM = 0.02 if self.calls > 0 and self.calls % 2 else 0.01
            super().launch()

    fake = Noisy()
    timed = measure(fake.launch, fake, Protocol(min_time=0.1, max_time=3.0))
    assert timed.block == 1
    assert is_noisy(timed.samples)
    assert sum(timed.samples) > 3.0
    fake = Noisy()
    fake.calls = 30
    timed = measure(fake.launch, fake, Protocol(min_time=0.1, max_time=3.0))
    assert not is_noisy(timed.samples)
    assert sum(timed.samples) * timed.block < 3.0


def test_shares_are_of_the_devices_time() -> None:
    fake = FakeDevice(cold=0)

    def twice() -> None:
        fake.launch()
        fake.launch()

    found = shares({"forward": fake.launch, "backward": twice}, fake)
    assert found == pytest.approx({"forward": 1 / 3, "backward": 2 / 3}, rel=0.02)


def test_peak_memory_is_a_pass_of_its_own() -> None:
    fake = FakeDevice()
    assert peak_memory(fake.launch, fake) == 100
    assert fake.log == ["synchronize", "reset_peak", "launch", "synchronize", "peak"]


def test_peak_memory_of_a_process_holds_its_tensors() -> None:
    # A tensor larger than anything this process has held so far.
    before = Cpu().peak()
    held: list[torch.Tensor] = []
    assert peak_memory(lambda: held.append(torch.ones(before // 4)), Cpu()) > before


@pytest.fixture
def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())


@pytest.mark.parametrize("layout", ["nchw", "channels_last"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16", "fp16"])
def test_phases_of_each_mode(small: nn.Module, layout: str, dtype: str) -> None:
    for mode, names in (
        ("forward", ["forward"]),
        ("backward", ["forward", "backward"]),
        ("train", ["forward", "backward", "optimizer"]),
    ):
        settings = Settings(batch=2, mode=mode, dtype=dtype, layout=layout)
        seen: list[torch.Tensor] = []
        handle = small[0].register_forward_hook(lambda module, inputs, output, seen=seen: seen.append(output))
        x = batch_of(Shape(3, 8, 8), settings, torch.device("cpu"))
        parts = phases(small, x, settings)
        in_order(parts)()
        handle.remove()
        assert list(parts) == names
        assert small.training == (mode != "forward")
        assert seen[-1].requires_grad == (mode != "forward")
        assert seen[-1].dtype == {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]
        assert seen[-1].is_contiguous(memory_format=torch.channels_last) == (layout == "channels_last")


def test_a_backward_pass_gives_gradients_and_leaves_none(small: nn.Module) -> None:
    settings = Settings(batch=2, mode="backward")
    x = batch_of(Shape(3, 8, 8), settings, torch.device("cpu"), requires_grad=True)
    gradients: list[torch.Tensor] = []
    x.register_hook(gradients.append)
    small[0].weight.register_hook(gradients.append)
    in_order(phases(small, x, settings))()
    assert {tuple(g.shape) for g in gradients} == {(2, 3, 8, 8), (8, 3, 3, 3)}
    assert all(p.grad is None for p in small.parameters())


def test_a_training_step_keeps_the_weights_as_they_are(small: nn.Module) -> None:
    before = [p.detach().clone() for p in small.parameters()]
    settings = Settings(batch=2, mode="train")
    step = in_order(phases(small, batch_of(Shape(3, 8, 8), settings, torch.device("cpu")), settings))
    step()
    step()
    assert all(torch.equal(a, b) for a, b in zip(before, small.parameters(), strict=True))


class Outputs(nn.Module):
    """Returns a nest of tensors, one of them without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> dict[str, object]:
        out = self.a(x)
        return {"logits": (out, [self.b(x)]), "best": out.argmax(1), "none": None}


@pytest.mark.parametrize("mode", ["forward", "backward", "train"])
def test_a_module_may_return_any_nest_of_tensors(mode: str) -> None:
    module, settings = Outputs(), Settings(mode=mode)
    seen: list[torch.Tensor] = []
    module.a.weight.register_hook(seen.append)
    in_order(phases(module, batch_of(Shape(3, 8, 8), settings, torch.device("cpu")), settings))()
    assert len(seen) == (mode != "forward")


def test_a_frozen_module_is_timed_forward_alone() -> None:
    module = nn.Conv2d(3, 4, 1).requires_grad_(False)
    x = batch_of(Shape(3, 8, 8), Settings(), torch.device("cpu"))
    in_order(phases(module, x, Settings()))()
    with pytest.raises(InvalidInput, match="nothing of the module is trained"):
        phases(module, x, Settings(mode="train"))


def test_tf32_is_refused_on_a_cpu(small: nn.Module) -> None:
    settings = Settings(dtype="tf32")
    with pytest.raises(InvalidInput, match="tf32"):
        phases(small, batch_of(Shape(3, 8, 8), settings, torch.device("cpu")), settings)


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:99", "cpu:0"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        device(name)


def test_a_device_says_all_of_its_interface() -> None:
    with pytest.raises(TypeError):
        type("Half", (Device,), {"synchronize": lambda self: None})()

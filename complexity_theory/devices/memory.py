"""What a network takes of a device's memory in training and inference: bytes, from what its graph keeps and holds."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from complexity_theory.core.checks import check_choice, check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size
from complexity_theory.devices.profile import Profile
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.memory import ElementBytes, buffers, kept, peak
from complexity_theory.graph.operations import Layer
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

# Elements of state that an optimiser holds for each param, as torch has them; Adam's count of steps is left out.
OPTIMIZERS = MappingProxyType({"sgd": 0, "momentum": 1, "adam": 2})
_FULL, _HALF = ElementBytes(), ElementBytes(values=2, masks=1)
# Half precision is autocast's: params in float32, and a copy of them for the products, as long as these are needed.
PRECISIONS = MappingProxyType({"fp32": _FULL, "tf32": _FULL, "amp": _HALF, "fp16": _HALF, "bf16": _HALF})


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes by what they are for; each an int, or an int64 array of a population.

    ``weights``: params, their copies in half precision, running statistics; ``gradients``, ``optimizer``: of training;
    ``activations``: in training what is kept for the backward pass, in inference the most that live at once.
    """

    weights: Size
    gradients: Size
    optimizer: Size
    activations: Size

    @property
    def total(self) -> Size:
        """The sum."""
        return self.weights + self.gradients + self.optimizer + self.activations


def _widths(precision: str) -> ElementBytes:
    try:
        return PRECISIONS[precision]
    except KeyError:
        raise InvalidInput(f"unknown precision {precision!r}: one of {', '.join(PRECISIONS)}") from None


def _weights(layer: Layer, shapes: tuple[Shape, ...], widths: ElementBytes) -> tuple[Size, Size]:
    """Elements of params, and bytes of what a module holds."""
    params = layer.complexity(*shapes).params
    return params, (4 if widths is _FULL else 4 + widths.values) * params + buffers(layer, *shapes)


def training(layer: Layer, *shapes: Shape, batch: Size, precision: str = "fp32", optimizer: str = "momentum") -> Memory:
    """The memory of a step of training on a batch of inputs of ``shapes``.

    ``optimizer``: sgd, momentum (SGD with it) or adam. In fp32 on a CPU every part equals what torch holds, to the byte
    (``graph.memory.kept``); a GPU's dropout takes a quarter of the mask. In half precision values count 2 bytes,
    statistics of norms and gradients 4; what autocast keeps in float32 beside (around layer norms, softmax and losses)
    is not told. Workspaces, the loss and the allocator come on top. Raises InvalidInput for unknown names and as
    ``kept`` does.

    >>> from complexity_theory.zoo import network
    >>> resnet = network("ResNet-50")
    >>> found = training(resnet.tree, resnet.input(), batch=32)
    >>> round(found.activations / 2**20), round(found.total / 2**20)
    (2622, 2915)
    """
    check_size("batch", batch)
    check_choice("optimizer", optimizer, OPTIMIZERS)
    widths = _widths(precision)
    params, held = _weights(layer, shapes, widths)
    return Memory(held, 4 * params, 4 * OPTIMIZERS[optimizer] * params, kept(layer, *shapes).bytes(batch, widths))


def inference(layer: Layer, *shapes: Shape, batch: Size, precision: str = "fp32") -> Memory:
    """The most memory at once in inference on a batch of inputs of ``shapes``, the inputs among it.

    In fp32 it is what lives in the module that ``measurement.build`` makes, run as it stands: a compiler that frees and
    fuses needs less, and so do activations that work in place; workspaces of single kernels come on top. Raises
    InvalidInput as ``training`` does.

    >>> from complexity_theory.zoo import network
    >>> resnet = network("ResNet-50")
    >>> inference(resnet.tree, resnet.input(128), batch=2).activations / 2**20
    9.375
    """
    check_size("batch", batch)
    widths = _widths(precision)
    _, held = _weights(layer, shapes, widths)
    return Memory(held, 0, 0, peak(layer, *shapes, batch=batch, widths=widths))


def memory(network: Network | Traced, batch: Size, profile: Profile, *, optimizer: str = "momentum") -> Memory:
    """The memory of a network at a batch in the mode and precision of a device's profile (fp32 where it tells none).

    Sizes of the network may be int64 arrays. Raises InvalidInput as ``training`` does.

    >>> from complexity_theory.devices.profile import load_profile
    >>> from complexity_theory.zoo import network
    >>> memory(network("ResNet-50"), 1, load_profile("v100-inference")).weights
    102441032
    """
    precision = profile.provenance.get("precision") or "fp32"
    if profile.mode == "training":
        return training(network.tree, network.input(), batch=batch, precision=precision, optimizer=optimizer)
    return inference(network.tree, network.input(), batch=batch, precision=precision)

"""What other libraries cannot express, and what their exports have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.spec import Network


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A network for a library: its class (``model``), the ``arguments`` of that, and the Python that builds it."""

    model: str
    arguments: Mapping[str, Any]
    python: str


class Refusal:
    """Raises InvalidInput, with the reason, where a library cannot express a network."""

    def __init__(self, library: str, network: Network) -> None:
        self.library, self.network = library, network

    def unless(self, condition: bool, reason: str) -> None:
        """Refuses unless the condition holds."""
        if not condition:
            raise InvalidInput(f"{self.library} cannot express {self.network.name}: {reason}")

    def common(self, field: str) -> Any:
        """The value of a field that all stages share."""
        values = list(dict.fromkeys(getattr(stage, field) for stage in self.network.stages))
        self.unless(len(values) == 1, f"it takes one {field} for all stages, not {', '.join(map(str, values))}")
        return values[0]

    def usual(self, *heads: str) -> None:
        """What no other library's configurations vary; ``heads``: those that it has."""
        network = self.network
        self.unless(
            self.common("dilation") == 1, f"its convolutions are not dilated, here by {self.common('dilation')}"
        )
        self.unless(network.in_channels == 3, f"it takes 3 input channels, not {network.in_channels}")
        self.unless(network.head in heads, f"it has no head of kind {network.head}")
        for i, (stage, w_in) in enumerate(zip(network.stages, network.input_widths, strict=True), 1):
            self.unless(stage.follows(w_in), f"stage {i} has a shortcut of its own kind")
            square = isinstance(stage.kernel, int)
            self.unless(square, f"its kernels are squares, stage {i} has {stage.kernel}")

    def plain_shortcuts(self) -> None:
        """That no projection pools."""
        self.unless(not self.common("pooled_shortcut"), "its shortcuts do not pool")

    def one_kernel(self, kernel: int) -> None:
        """That the convolutions of all stages have this kernel."""
        found = self.common("kernel")
        self.unless(found == kernel, f"its {kernel}x{kernel} convs are given, here are {found}x{found}")

    def one_activation(self, known: tuple[str, ...]) -> str:
        """The activation that the whole network shares, its squeeze-excite too."""
        activation = str(self.common("activation"))
        self.unless(self.network.activation == activation, "stem and stages have different activations")
        self.unless(activation in known, f"it has no activation {activation}, only {', '.join(known)}")
        if any(stage.se for stage in self.network.stages):
            squeeze, gate = self.common("se_activation"), self.common("se_gate")
            self.unless(squeeze == activation, f"its squeeze-excite has the blocks' activation, not {squeeze}")
            self.unless(gate == "sigmoid", f"its squeeze-excite has a sigmoid gate, not {gate}")
        return activation

    def eights(self) -> None:
        """That all widths, inner ones too, are multiples of 8, to which a library rounds them."""
        network = self.network
        inner = [stage.inner_width(w) for stage, w in zip(network.stages, network.input_widths, strict=True)]
        inner += [stage.inner_width(stage.width) for stage in network.stages if stage.depth > 1]
        for width in (*network.widths, *inner):
            self.unless(width is None or width % 8 == 0, f"it rounds widths to multiples of 8, here is {width}")


def full_group_widths(network: Network) -> list[Any]:
    """Group widths as numbers: of a dense conv, its inner width."""
    inner = [stage.inner_width(w_in) for stage, w_in in zip(network.stages, network.input_widths, strict=True)]
    return [
        w if stage.group_width is None else stage.group_width for stage, w in zip(network.stages, inner, strict=True)
    ]


def number(value: Any) -> int | float:
    """A ratio as an int where it is whole, else a float."""
    return int(value) if value == int(value) else float(value)


def squeezed(network: Network) -> list[tuple[int, int]]:
    """Squeeze-excite widths of each stage: of its first block and of the others; 0 where there is none."""
    found = []
    for stage, w_in in zip(network.stages, network.input_widths, strict=True):
        of = (stage.width, stage.width) if KINDS[stage.block].se_of == "out" else (w_in, stage.width)
        first, rest = (round(width * stage.se) for width in of)
        found.append((first, rest))
    return found


def with_input(python: str, network: Network) -> str:
    """The Python with the size of the input, which no class keeps."""
    height, width = pair(network.resolution)
    return f"{python}\ninput_size = ({network.in_channels}, {height}, {width})  # channels, height, width of an image\n"

"""What other counters count: why two tools disagree about the same network.

A convention says what it makes of the multiply-adds of convolutions, linear layers and products; what a counter counts
of other operations stands in their rows (``graph.rows``). The totals equal those of the tools themselves, run on the
module that ``measurement.build`` makes of the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from complexity_theory.core.checks import check_choice
from complexity_theory.core.sizes import Size
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations import Layer
from complexity_theory.graph.rows import row
from complexity_theory.graph.walk import Visit, walk

WEIGHTED = ("conv", "linear", "recurrent")


@dataclass(frozen=True, slots=True)
class Convention:
    """A way to count: its name, one line on what it counts, and what it makes of multiply-adds.

    ``factor``: flops for each multiply-add. ``biases``: one for each output with a bias too. ``products``: those of
    matrix products and attention too. ``pools``: outputs of pooling windows are acts. Params are the same in all; acts
    are pycls's where the tool counts none.
    """

    name: str
    counts: str
    factor: int = 1
    biases: bool = True
    products: bool = False
    pools: bool = True

    def cost(self, visit: Visit) -> Complexity:
        """The cost of one copy of a visited operation (``compose.walk``). Raises InvalidInput for one without a row."""
        about, own = row(visit.operation), visit.complexity
        biased = 0 if self.biases else int(getattr(visit.operation, "bias", False))
        flops: Size = own.flops
        if about.kind in WEIGHTED:
            flops = self.factor * (own.flops - biased * visit.output.shape.elements)
        if self.products:
            flops = flops + self.factor * own.products
        if self.name in about.extra:
            flops = flops + about.extra[self.name](visit)
        acts = own.acts if self.pools or about.kind != "pool" else 0
        return Complexity(flops, own.params, acts, own.products)

    def total(self, layer: Layer, *shapes: Shape) -> Complexity:
        """The cost of a layer on inputs of ``shapes``: the sum over its operations, each as often as it stands there.

        >>> from complexity_theory.graph.operations import Conv2d
        >>> convention("torch").total(Conv2d(3, 8, 3, bias=True), Shape(3, 4, 4)).flops  # 2 per multiply-add, no bias
        6912
        """
        total = Complexity()
        for visit in walk(layer, *shapes):
            total = total + visit.times * self.cost(visit)
        return total


_CONVENTIONS = (
    Convention(
        "pycls",
        "multiply-adds of convolutions and linear layers, and one per output with a bias; acts with pooling windows",
    ),
    Convention(
        "fvcore",
        "multiply-adds without biases; 2 per element of a batch norm, 5 of a layer norm, 1 per input of a global "
        "pooling; acts of convolutions and linear layers alone (fvcore 0.1.5)",
        biases=False,
        products=True,
        pools=False,
    ),
    Convention(
        "torch",
        "2 per multiply-add of convolutions and linear layers, without biases (torch.utils.flop_counter)",
        factor=2,
        biases=False,
        products=True,
    ),
    Convention(
        "ptflops",
        "multiply-adds with biases; 2 per element of a batch norm and per input of a pooling; 1 or 2 per element of a "
        "ReLU, ReLU6, GELU or SiLU, which it sees as a module, as a function or as both (ptflops 0.7.5, pytorch)",
        products=True,
    ),
    Convention("torchinfo", "multiply-adds with biases, and one per parameter of a norm (torchinfo 1.8)"),
    Convention(
        "thop",
        "multiply-adds without biases; 4 per element of a batch norm, 1 per output of an average pooling, 1 per input "
        "and output of a global pooling (thop 0.1.1)",
        biases=False,
    ),
)
CONVENTIONS: Mapping[str, Convention] = MappingProxyType({c.name: c for c in _CONVENTIONS})


def convention(name: str) -> Convention:
    """The convention of a name: pycls (the default everywhere), fvcore, torch, ptflops, torchinfo, thop.

    Raises InvalidInput for others.

    >>> from complexity_theory.zoo import network
    >>> resnet = network("ResNet-50")
    >>> convention("fvcore").total(resnet.tree, resnet.input())
    Complexity(flops=4111512576, params=25557032, acts=11114984)
    """
    check_choice("convention", name, CONVENTIONS)
    return CONVENTIONS[name]

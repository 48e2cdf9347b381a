"""Every operation: its output shape and its cost. The only place with a cost formula.

An operation is a frozen dataclass with ``infer`` and ``cost``. Conventions (pycls's): flops are multiply-adds of
convolutions and linear layers plus one per output with a bias; acts are the output elements of convolutions, linear
layers and pooling windows; normalisation costs params alone, all else nothing. What else must be known of an operation
stands in its row of ``graph.rows``.
"""

from complexity_theory.graph.operations.base import Layer, Operation
from complexity_theory.graph.operations.convolutions import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from complexity_theory.graph.operations.elementwise import (
    ACTIVATIONS,
    Activation,
    Add,
    Dropout,
    Elementwise,
    Multiply,
    PReLU,
    Softmax,
)
from complexity_theory.graph.operations.norms import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LayerNorm2d,
    LayerScale,
    RMSNorm,
)
from complexity_theory.graph.operations.pools import (
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    GlobalAvgPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
    Reduce,
)
from complexity_theory.graph.operations.products import Attention, Embedding, Linear, MatMul, Parameter, Recurrent
from complexity_theory.graph.operations.rearranging import (
    ChannelShuffle,
    Concat,
    Flatten,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Reshape,
    Slice,
    Upsample,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "Add",
    "Attention",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "ChannelShuffle",
    "Concat",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "Elementwise",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LayerNorm2d",
    "LayerScale",
    "Linear",
    "MatMul",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Multiply",
    "Operation",
    "PReLU",
    "Pad",
    "Parameter",
    "Permute",
    "PixelShuffle",
    "PixelUnshuffle",
    "RMSNorm",
    "Recurrent",
    "Reduce",
    "Reshape",
    "Slice",
    "Softmax",
    "Upsample",
]

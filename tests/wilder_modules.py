"""More small modules in the styles that people write: other dimensions, attention, torch's own machinery."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from tests.wild_modules import WILD, cbr, functional, wild

__all__ = ["WILD"]

# One, three and turned dimensions.


@wild((2, 40))
def one_dimension() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 8, 7, 2, 3), nn.BatchNorm1d(8), nn.ELU(), nn.MaxPool1d(2), nn.Conv1d(8, 8, 3, groups=4, bias=False)
    )


@wild((2, 9))
def one_dimension_up() -> nn.Module:
    return nn.Sequential(nn.ConvTranspose1d(2, 4, 4, 2, 1), nn.Mish(), nn.AvgPool1d(3), nn.ConvTranspose1d(4, 1, 2))


@wild((1, 4, 8, 6))
def three_dimensions() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1),
        nn.InstanceNorm3d(4, affine=True),
        nn.PReLU(4),
        nn.MaxPool3d(2),
        nn.Conv3d(4, 6, 1),
    )


@wild((4, 2, 3, 3))
def three_dimensions_up() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose3d(4, 2, 2, 2), nn.LeakyReLU(0.1), nn.AvgPool3d(2), nn.Conv3d(2, 2, 1, groups=2)
    )


@wild((3, 2, 2))
def transposed() -> nn.Module:
    return nn.ConvTranspose2d(3, 1, 2, stride=2)


@wild((4, 5, 3))
def transposed_groups() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2), nn.ConvTranspose2d(6, 6, 2, groups=6, bias=False)
    )


@wild((8,))
def generator() -> nn.Module:
    up = nn.ConvTranspose2d(8, 4, 4, bias=False)
    return nn.Sequential(
        nn.Unflatten(1, (8, 1, 1)), up, nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Tanh()
    )


@wild()
class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = cbr(3, 4), cbr(4, 8)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        y = self.up(self.deep(F.max_pool2d(x, 2)))
        return self.out(torch.cat([x, y], 1))


@wild((16, 5, 4))
def super_resolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(16, 16, 1), nn.PixelShuffle(2), nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3))


@wild()
def free_layers() -> nn.Module:
    return nn.Sequential(
        nn.ZeroPad2d(1), nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.LeakyReLU(), nn.PReLU(), nn.Mish(), nn.Softmax(1),
        nn.InstanceNorm2d(8), nn.Upsample(scale_factor=2, mode="bilinear"), nn.ChannelShuffle(2), nn.Hardtanh(),
        nn.LocalResponseNorm(2), nn.ReflectionPad2d(1), nn.Softplus(), nn.GLU(1), nn.CELU(), nn.Threshold(0.1, 0),
        nn.Dropout2d(), nn.AlphaDropout(), nn.PixelUnshuffle(2), nn.LogSoftmax(1), nn.RReLU(), nn.Softmax2d(),
    )  # fmt: skip


@wild()
def dilated_pools() -> nn.Module:
    return nn.Sequential(
        nn.MaxPool2d(2, stride=1, dilation=2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d((2, 1), (1, 2), ceil_mode=True),
    )


@wild()
def adaptive_pools() -> nn.Module:
    return nn.Sequential(nn.AdaptiveMaxPool2d(7), nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d((2, None)), nn.Flatten())


@wild()
def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(6, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))


# Attention and recurrence.


@wild((6, 16))
def encoder_layer() -> nn.Module:
    return nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)


@wild((6, 16))
class AttentionWithWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention(x, x, x)


@wild((6, 16))
class AttentionByFunctions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(16, 48, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, 4, 4).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / 2).softmax(-1)
        return (weights @ v).transpose(1, 2).reshape(n, t, 16)


@wild((6, 16))
class FusedAttention(AttentionByFunctions):
    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 8)).movedim(-3, 0).transpose(2, 3)
        return F.scaled_dot_product_attention(q, k[..., :4, :], v[..., :4, :], dropout_p=0.0)


@wild((5, 8))
class Recurrence(nn.Module):
    kind: Any = nn.LSTM

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = self.kind(8, 6, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


@wild((5, 8))
class Gru(Recurrence):
    kind = nn.GRU


@wild((5, 8))
class PlainRnn(Recurrence):
    kind = nn.RNN


# torch's own machinery around a module.


@wild()
def weight_norm() -> nn.Module:
    return nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.ReLU())


class _Symmetric(nn.Module):
    def forward(self, w: Tensor) -> Tensor:
        return w + w.flip(-1)


@wild()
def parametrized() -> nn.Module:
    conv = nn.Conv2d(3, 4, 3)
    parametrize.register_parametrization(conv, "weight", _Symmetric())
    return conv


@wild()
def with_hooks() -> nn.Module:
    conv = nn.Conv2d(3, 4, 3)
    conv.register_forward_hook(lambda module, args, out: F.max_pool2d(out, 2))
    conv.register_forward_pre_hook(lambda module, args: (F.pad(args[0], (1, 1, 1, 1)),))
    return conv


@wild()
def frozen_in_training() -> nn.Module:
    net = nn.Sequential(cbr(3, 8), nn.Dropout(), cbr(8, 8, g=4)).train()
    net[0].eval()
    return net.requires_grad_(False)


@wild()
def checkpointed() -> nn.Module:
    return functional(_checkpointed)()


def _checkpointed(self: Any, x: Tensor) -> Tensor:
    return torch.utils.checkpoint.checkpoint(self.b, self.a(x), use_reentrant=False)


@wild()
def half_precision() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.Conv2d(8, 8, 1)).to(torch.bfloat16)


@wild()
def channels_last() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)).to(memory_format=torch.channels_last)

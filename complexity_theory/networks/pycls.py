"""Networks from configurations of pycls (facebookresearch/pycls): RegNets, AnyNets, EfficientNets, ResNets.

The keys and their defaults are those of ``pycls/core/config.py``; what they build is told by ``anynet.py``,
``regnet.py``, ``effnet.py`` and ``resnet.py`` of ``pycls/models``. All else in a configuration (training, testing) is
passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
import yaml

from complexity_theory.core import files, schema
from complexity_theory.core.checks import check_choice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, check_count
from complexity_theory.core.text import short
from complexity_theory.networks.files import FAMILY
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.regnet import regnet
from complexity_theory.networks.resnet import cifar, resnet
from complexity_theory.networks.spec import Network, Stage

SUFFIXES = (".yaml", ".yml")

# What pycls calls our parts.
STEMS = MappingProxyType({"res_stem_cifar": "cifar", "res_stem_in": "resnet", "simple_stem_in": "conv3"})
BLOCKS = MappingProxyType(
    {
        "vanilla_block": "vanilla",
        "res_basic_block": "basic",
        "res_bottleneck_block": "bottleneck",
        "res_bottleneck_linear_block": "linear-bottleneck",
    }
)
ACTIVATIONS = MappingProxyType({"relu": "relu", "silu": "silu", "swish": "silu", "gelu": "gelu"})
IMAGENET_DEPTHS = MappingProxyType({50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)})

_Whole = Annotated[int, msgspec.Meta(ge=0, le=10**9, description="an integer from 0 to 10^9")]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e9, description="a number from 0 to 10^9")]
_STAGES = int(LIMITS["stages of a network"].most)
_Wholes = Annotated[
    list[_Whole], msgspec.Meta(max_length=_STAGES, description=f"a list of at most {_STAGES:,} integers")
]
_Numbers = Annotated[
    list[_Number], msgspec.Meta(max_length=_STAGES, description=f"a list of at most {_STAGES:,} numbers")
]


class _Model(msgspec.Struct, kw_only=True):
    TYPE: str
    DEPTH: _Whole = 0
    NUM_CLASSES: _Whole = 10
    ACTIVATION_FUN: str = "relu"
    SCALING_FACTOR: float = 1.0


class _ResNet(msgspec.Struct, kw_only=True):
    TRANS_FUN: str = "basic_transform"
    NUM_GROUPS: _Whole = 1
    WIDTH_PER_GROUP: _Whole = 64
    STRIDE_1X1: bool = True


class _AnyNet(msgspec.Struct, kw_only=True):
    STEM_TYPE: str = "simple_stem_in"
    STEM_W: _Whole = 32
    BLOCK_TYPE: str = "res_bottleneck_block"
    DEPTHS: _Wholes = []
    WIDTHS: _Wholes = []
    STRIDES: _Wholes = []
    BOT_MULS: _Numbers = []
    GROUP_WS: _Wholes = []
    HEAD_W: _Whole = 0
    SE_ON: bool = False
    SE_R: _Number = 0.25


class _RegNet(msgspec.Struct, kw_only=True):
    STEM_TYPE: str = "simple_stem_in"
    STEM_W: _Whole = 32
    BLOCK_TYPE: str = "res_bottleneck_block"
    STRIDE: _Whole = 2
    SE_ON: bool = False
    SE_R: _Number = 0.25
    DEPTH: _Whole = 10
    W0: _Whole = 32
    WA: _Number = 5.0
    WM: _Number = 2.5
    GROUP_W: _Whole = 16
    BOT_MUL: _Number = 1.0
    HEAD_W: _Whole = 0


class _EffNet(msgspec.Struct, kw_only=True):
    STEM_W: _Whole = 32
    DEPTHS: _Wholes = []
    WIDTHS: _Wholes = []
    EXP_RATIOS: _Numbers = []
    SE_R: _Number = 0.25
    STRIDES: _Wholes = []
    KERNELS: _Wholes = []
    HEAD_W: _Whole = 1280
    DROPOUT_RATIO: _Number = 0.0


class _Train(msgspec.Struct, kw_only=True):
    DATASET: str = ""
    IM_SIZE: _Whole = 224


class _Config(msgspec.Struct, kw_only=True):
    MODEL: _Model
    RESNET: _ResNet = msgspec.field(default_factory=_ResNet)
    ANYNET: _AnyNet = msgspec.field(default_factory=_AnyNet)
    REGNET: _RegNet = msgspec.field(default_factory=_RegNet)
    EN: _EffNet = msgspec.field(default_factory=_EffNet)
    TRAIN: _Train = msgspec.field(default_factory=_Train)


def load_config(path: Path) -> Network:
    """The network of a ``.yaml`` configuration. Raises InvalidInput, with the path, where it describes none."""
    text = files.read_text(path)
    check_count("bytes of a configuration", len(text), str(path))
    try:
        parsed = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is no valid YAML: {short(' '.join(str(error).split()), 120)}") from None
    try:
        return read(parsed, path.stem)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def read(config: Mapping[str, Any], name: str = "network") -> Network:
    """The network of a configuration of pycls, as plain data.

    Raises InvalidInput for types of models other than regnet, anynet, effnet and resnet, and for what these refuse.

    >>> config = {"MODEL": {"TYPE": "regnet", "NUM_CLASSES": 1000}}
    >>> config["REGNET"] = {"DEPTH": 13, "W0": 24, "WA": 36.44, "WM": 2.49, "GROUP_W": 8}
    >>> read(config).complexity().params
    2684792
    """
    found = schema.checked(config, _Config, "a configuration of pycls")
    model = found.MODEL
    check_choice("MODEL: TYPE", model.TYPE, MAKERS)
    check_choice("MODEL: ACTIVATION_FUN", model.ACTIVATION_FUN, ACTIVATIONS)
    if model.SCALING_FACTOR != 1:
        raise InvalidInput(f"MODEL: SCALING_FACTOR must be 1, not {model.SCALING_FACTOR}: scale the network by `scale`")
    network = MAKERS[model.TYPE](found, name)
    network.complexity()  # what does not fit together is found by walking the tree
    return network


def _common(config: _Config) -> dict[str, Any]:
    activation = ACTIVATIONS[config.MODEL.ACTIVATION_FUN]
    return {"classes": config.MODEL.NUM_CLASSES, "activation": activation, "resolution": config.TRAIN.IM_SIZE}


def _exact(value: float) -> Fraction:
    return Fraction(str(value))


def _per_stage(part: msgspec.Struct, *names: str) -> list[tuple[Any, ...]]:
    """The settings of each stage, from lists of one length; DEPTHS says how many there are."""
    columns = [getattr(part, name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise InvalidInput(
                f"{name} must have one entry for each of {len(columns[0])} {names[0]}, not {len(column)}"
            )
    return list(zip(*columns, strict=True))


def _anynet(config: _Config, name: str) -> Network:
    part, common = config.ANYNET, _common(config)
    check_choice("ANYNET: BLOCK_TYPE", part.BLOCK_TYPE, BLOCKS)
    check_choice("ANYNET: STEM_TYPE", part.STEM_TYPE, STEMS)
    block = BLOCKS[part.BLOCK_TYPE]
    inner = KINDS[block].inner_of is not None
    rows = _per_stage(part, "DEPTHS", "WIDTHS", "STRIDES", *(("BOT_MULS", "GROUP_WS") if inner else ()))
    # A group as wide as its conv is no group: where all are, the network is dense.
    dense = not inner or all(group == scaled_by(width, _exact(ratio)) for _, width, _, ratio, group in rows)
    stages = tuple(
        Stage(
            block=block,
            depth=depth,
            width=width,
            stride=stride,
            ratio=_exact(more[0]) if inner else Fraction(1),
            group_width=None if dense else more[1],
            se=_exact(part.SE_R) if part.SE_ON and inner else Fraction(0),
            activation=common["activation"],
            se_activation=common["activation"],
        )
        for depth, width, stride, *more in rows
    )
    ends: dict[str, Any] = {"stem": STEMS[part.STEM_TYPE], "stem_width": part.STEM_W, "head_width": part.HEAD_W or None}
    return Network(name=name, family=FAMILY, stages=stages, **ends, **common)


def _regnet(config: _Config, name: str) -> Network:
    part, common = config.REGNET, _common(config)
    check_choice("REGNET: BLOCK_TYPE", part.BLOCK_TYPE, BLOCKS)
    check_choice("REGNET: STEM_TYPE", part.STEM_TYPE, STEMS)
    return regnet(
        name,
        family=FAMILY,
        depth=part.DEPTH,
        w0=part.W0,
        wa=part.WA,
        wm=part.WM,
        group_w=part.GROUP_W,
        ratio=_exact(part.BOT_MUL),
        se=_exact(part.SE_R) if part.SE_ON else Fraction(0),
        block=BLOCKS[part.BLOCK_TYPE],
        stride=part.STRIDE,
        stem=STEMS[part.STEM_TYPE],
        stem_w=part.STEM_W,
        head_w=part.HEAD_W or None,
        **common,
    )


def _effnet(config: _Config, name: str) -> Network:
    part, common = config.EN, _common(config)
    se = _exact(part.SE_R)
    stages = tuple(
        Stage(
            block="mbconv",
            depth=depth,
            width=width,
            stride=stride,
            kernel=kernel,
            ratio=_exact(ratio),
            se=se,
            activation=common["activation"],
            se_activation=common["activation"],
        )
        for depth, width, stride, kernel, ratio in _per_stage(
            part, "DEPTHS", "WIDTHS", "STRIDES", "KERNELS", "EXP_RATIOS"
        )
    )
    for width in (part.STEM_W, *part.WIDTHS):
        if scaled_by(width, se) != int(width * se):
            raise InvalidInput(
                f"EN: SE_R {part.SE_R} of width {width} is rounded down by pycls, which is not known here"
            )
    return Network(
        name=name,
        family=FAMILY,
        stem="conv3",
        stem_width=part.STEM_W,
        stages=stages,
        head_width=part.HEAD_W,
        dropout=part.DROPOUT_RATIO,
        scales_ends=True,
        **common,
    )


def _resnet(config: _Config, name: str) -> Network:
    part, common, depth = config.RESNET, _common(config), config.MODEL.DEPTH
    if config.TRAIN.DATASET == "cifar10":
        return _with(cifar(name, family=FAMILY, layers=depth), common)
    if depth not in IMAGENET_DEPTHS:
        known = ", ".join(map(str, IMAGENET_DEPTHS))
        raise InvalidInput(f"MODEL: DEPTH must be one of {known} (of a ResNet on ImageNet), not {depth}")
    if part.TRANS_FUN != "bottleneck_transform":
        raise InvalidInput(
            f"RESNET: TRANS_FUN must be bottleneck_transform on ImageNet, not {short(part.TRANS_FUN, 40)}"
        )
    if part.STRIDE_1X1:
        raise InvalidInput("RESNET: STRIDE_1X1 must be false: bottlenecks here stride in their 3x3 convolution")
    inner = part.NUM_GROUPS * part.WIDTH_PER_GROUP
    groups = [None] * 4 if part.NUM_GROUPS == 1 else [part.WIDTH_PER_GROUP * 2**stage for stage in range(4)]
    found = resnet(name, family=FAMILY, depths=IMAGENET_DEPTHS[depth], ratio=Fraction(inner, 256), group_widths=groups)
    return _with(found, common)


def _with(network: Network, common: Mapping[str, Any]) -> Network:
    """With the classes and the input of a configuration (its activations are ReLU in a ResNet of pycls)."""
    return replace(network, classes=common["classes"], resolution=common["resolution"])


MAKERS: Mapping[str, Callable[[_Config, str], Network]] = MappingProxyType(
    {"anynet": _anynet, "regnet": _regnet, "effnet": _effnet, "resnet": _resnet}
)

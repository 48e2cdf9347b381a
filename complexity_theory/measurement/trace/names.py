"""What each of torch's operations is to a count: one with a rule, one that is free, or one that is taken apart.

An operation in neither table, not elementwise by torch's own tags and not made of others is unknown: it raises.
Names are torch's without ``aten::`` and without the underscore of an in-place variant.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch

# What multiplies and adds, or pools over windows: each has its rule in ``operators``.
CONVOLUTIONS = frozenset(
    ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution"]
)
DEFORMABLE = "torchvision::deform_conv2d"
PRODUCTS = frozenset(["mm", "bmm", "matmul", "mv", "dot", "vdot", "addmm", "addmv", "addbmm", "baddbmm"])
RECURRENT = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "rnn-tanh", "rnn_relu": "rnn-relu"}
CELLS = {f"{name}_cell": kind for name, kind in RECURRENT.items()}
ATTENTION = "scaled_dot_product_attention"
POOLS = frozenset(
    [
        "max_pool1d",
        "max_pool2d",
        "max_pool3d",
        "max_pool1d_with_indices",
        "max_pool2d_with_indices",
        "max_pool3d_with_indices",
        "avg_pool1d",
        "avg_pool2d",
        "avg_pool3d",
    ]
)
COSTLY = CONVOLUTIONS | PRODUCTS | POOLS | RECURRENT.keys() | CELLS.keys() | {"linear", ATTENTION, DEFORMABLE}

NORMS = frozenset(["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"])

# Elementwise, of several operations or without torch's tag.
_ELEMENTWISE = """
    silu gelu mish selu celu elu relu6 hardtanh hardswish hardsigmoid leaky_relu log_sigmoid log_sigmoid_forward
    softplus softshrink hardshrink threshold rrelu clamp square lerp nan_to_num addcmul addcdiv floor_divide
    conj _conj real imag complex where masked_fill"""
ELEMENTWISE = frozenset(_ELEMENTWISE.split())
# Those whose output is as their input, and as all of several inputs where these are alike, in shape and in type.
_KEEPING = """
    relu relu6 silu gelu mish selu celu elu sigmoid tanh hardtanh hardswish hardsigmoid leaky_relu softplus
    add sub mul div"""
KEEPING = frozenset(_KEEPING.split())
# What costs nothing in the paper's convention, by what it does.
_FREE = {
    "norms and random": """
        native_batch_norm _native_batch_norm_legit_no_training native_layer_norm native_group_norm
        _weight_norm_interface dropout native_dropout feature_dropout alpha_dropout feature_alpha_dropout
        bernoulli normal uniform exponential rrelu_with_noise multinomial""",
    "the same elements": """
        view reshape flatten unflatten view_as expand expand_as _unsafe_view _reshape_alias permute transpose t
        numpy_T T mT matrix_H movedim moveaxis swapaxes swapdims squeeze unsqueeze contiguous clone alias detach
        to _to_copy type_as lift lift_fresh lift_fresh_copy copy resolve_conj view_as_real view_as_complex flip
        rot90 roll as_strided set pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle""",
    "parts and joins": """
        select slice narrow narrow_copy split split_with_sizes chunk tensor_split unsafe_split unsafe_chunk
        unsafe_split_with_sizes unbind diagonal cat concat concatenate stack repeat repeat_interleave pad
        constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d
        replication_pad3d im2col col2im unfold block_diag diag_embed tril triu slice_scatter select_scatter""",
    "by index": """
        index _unsafe_index _unsafe_masked_index index_select index_put _unsafe_index_put index_add index_fill
        index_copy index_reduce gather take scatter scatter_add scatter_reduce embedding _embedding_bag
        masked_select masked_scatter nonzero one_hot topk sort kthvalue median mode _unique2 unique_consecutive
        bucketize searchsorted isin bincount histc max_unpool2d max_unpool3d""",
    "reductions and gates": """
        prelu _prelu_kernel glu mean sum nansum prod amax amin aminmax max min argmax argmin all any var
        var_mean std std_mean norm linalg_vector_norm logsumexp count_nonzero cumsum cumprod cummax cummin
        _cummax_helper _cummin_helper logcumsumexp softmax _softmax log_softmax _log_softmax _safe_softmax trace
        dist""",
    "new tensors": """
        zeros ones full empty rand randn randint randperm arange linspace logspace eye meshgrid scalar_tensor
        tensor zeros_like ones_like full_like empty_like rand_like randn_like randint_like new_zeros new_ones
        new_full new_empty new_empty_strided empty_strided empty_permuted fill zero tril_indices triu_indices
        polar affine_grid_generator resize hann_window hamming_window""",
    "resampling and adaptive pools": """
        upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d
        upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact1d _upsample_nearest_exact2d
        _upsample_nearest_exact3d _upsample_bilinear2d_aa _upsample_bicubic2d_aa grid_sampler grid_sampler_2d
        grid_sampler_3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d _adaptive_avg_pool2d
        _adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d torchvision::roi_align
        torchvision::roi_pool torchvision::ps_roi_align torchvision::ps_roi_pool""",
    "questions": "_local_scalar_dense equal allclose is_same_size torchvision::nms",
}
FREE = frozenset(name for names in _FREE.values() for name in names.split()) | NORMS | ELEMENTWISE


@cache
def base_name(func: Any) -> str:
    """The name of an overload, without namespace ``aten`` and the underscore of an in-place variant."""
    schema = func._schema
    namespace, _, name = schema.name.partition("::")
    if schema.is_mutable and name.endswith("_") and not name.endswith("__"):
        name = name[:-1]
    return str(name) if namespace == "aten" else f"{namespace}::{name}"


@cache
def is_elementwise(func: Any) -> bool:
    """Whether torch tags it, or the variant that it writes in place of, as elementwise, or we know that it is."""
    if torch.Tag.pointwise in func.tags or base_name(func) in ELEMENTWISE:
        return True
    namespace, _, name = func._schema.name.partition("::")
    packet = getattr(getattr(torch.ops, namespace), name.rstrip("_"), None) if name.endswith("_") else None
    overloads = [] if packet is None else [getattr(packet, overload) for overload in packet.overloads()]
    return any(torch.Tag.pointwise in overload.tags for overload in overloads)


def is_free(name: str, func: Any) -> bool:
    """Whether it costs nothing in the paper's convention."""
    return name in FREE or is_elementwise(func)


@cache
def is_kept(name: str, func: Any) -> bool:
    """Whether it is recorded as it is; what is made of other operations and has no rule of its own is taken apart."""
    by_name = any(str(argument.type) == "str" and argument.name == "padding" for argument in func._schema.arguments)
    known = (name in COSTLY and not by_name) or is_free(name, func)
    implicit = torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    return known or not implicit


def is_norm(name: str) -> bool:
    """Whether it normalises: it keeps the shape of its input."""
    return name in NORMS

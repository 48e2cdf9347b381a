"""The sympy symbols of the closed forms. The only place that makes symbols."""

from __future__ import annotations

import sympy

# Sizes of a layer: depth, width, group width, resolution (side of the input), kernel. In the closed form of a network
# d, w and g are multipliers, and n stands for the resolution: the input is 32 n x 32 n. They are integers, so that
# the floors of strided sizes simplify.
d, w, g, r, k, n = sympy.symbols("d w g r k n", positive=True, integer=True)

# The scaling factor, and the share of the flops that fast scaling gives to width.
s, alpha = sympy.symbols("s alpha", positive=True)

# A device: multiply-adds a second, bytes a second; and the bytes moved per element of the activations.
rate, bandwidth, bytes_per_act = sympy.symbols("F B b", positive=True)

"""An estimate of the memory that a network takes on a device."""

from __future__ import annotations

from complexity_theory.devices.features import Features
from complexity_theory.devices.profile import BYTES, Profile


def memory(work: Features, batch: int, profile: Profile) -> float:
    """An estimate of the bytes that a device holds at a batch.

    Inference: the weights, and input and output of the largest layer. Training: weights, gradients and momentum, and
    what is kept for the backward pass (inputs of convolutions, norms and activations). Weights take 4 bytes, other
    elements those of the profile's precision (4 where it is not known); workspaces and the allocator come on top.
    """
    size = BYTES.get(profile.provenance.get("precision", ""), 4)
    if profile.mode == "training":
        return float(3 * 4 * work.params + size * batch * float(work.saved))
    return float(4 * work.params + size * batch * float(work.largest))

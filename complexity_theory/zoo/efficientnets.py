"""EfficientNet."""

from __future__ import annotations

from functools import partial

from complexity_theory.networks.efficientnet import efficientnet
from complexity_theory.zoo.entry import Entry

# variant: (width, depth, resolution, dropout). Tan and Le 2019
EFFICIENTNET = {
    0: (1.0, 1.0, 224, 0.2),
    1: (1.0, 1.1, 240, 0.2),
    2: (1.1, 1.2, 260, 0.3),
    3: (1.2, 1.4, 300, 0.3),
    4: (1.4, 1.8, 380, 0.4),
    5: (1.6, 2.2, 456, 0.4),
    6: (1.8, 2.6, 528, 0.5),
    7: (2.0, 3.1, 600, 0.5),
}


def entries() -> dict[str, Entry]:
    """The EfficientNets by name."""
    return {
        f"EfficientNet-B{variant}": Entry(
            "EfficientNet",
            partial(efficientnet, width=width, depth=depth, resolution=resolution, dropout=dropout),
            (f"efficientnet_b{variant}", f"tf_efficientnet_b{variant}", f"EN-B{variant}"),
        )
        for variant, (width, depth, resolution, dropout) in EFFICIENTNET.items()
    }

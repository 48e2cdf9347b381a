"""Names of timm that also tell how a network was trained: the former ones, and today's with a tag of the weights."""

from __future__ import annotations

import re

# Who trained it, the letter of a Gluon variant, on what it was trained, and single names
RULES = (
    (r"^([a-z0-9_]+)\.(?!(?:toml|json|ya?ml|csv|py|sqlite|db|txt|pt|pth|onnx)$)[a-z0-9_]+$", r"\1"),  # a weight tag
    (r"^(?:gluon|tv|ssl|swsl|ig)_", ""),
    (r"_v1b$", ""),
    (r"_v1([cds])$", r"\1"),
    (r"(?:_384)?_(?:ns|ns_475|ap|in21ft1k|in22ft1k|miil)$", ""),
    (r"^mnasnet_a1$", "semnasnet_100"),
    (r"^mnasnet_b1$", "mnasnet_100"),
    (r"^(efficientnet_b[23])a$", r"\1"),
    (r"^regnetz_040h$", "regnetz_040_h"),
    (r"^(seresnext26t)n_", r"\1_"),
)


def current(name: str) -> str:
    """Today's name for a name of timm in lower case, former or not.

    >>> current("gluon_resnet50_v1d"), current("tf_efficientnet_b0_ns"), current("resnet50.a1_in1k")
    ('resnet50d', 'tf_efficientnet_b0', 'resnet50')
    """
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return name

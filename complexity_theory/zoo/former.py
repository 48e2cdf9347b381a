"""Former names of timm: they told how a network was trained, today's name the network alone (since timm 0.9)."""

from __future__ import annotations

import re

# Who trained it, the letter of a Gluon variant, on what it was trained, and single names
RULES = (
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

    >>> current("gluon_resnet50_v1d"), current("tf_efficientnet_b0_ns"), current("resnet50")
    ('resnet50d', 'tf_efficientnet_b0', 'resnet50')
    """
    for pattern, replacement in RULES:
        name = re.sub(pattern, replacement, name)
    return name

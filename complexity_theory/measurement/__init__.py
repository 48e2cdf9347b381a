"""Real PyTorch: networks built, traced and counted, timed and trained. The room of the house that needs torch."""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from complexity_theory.measurement.trace.tracing import scaled as scaled

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"trace.tracing": ["scaled"]})

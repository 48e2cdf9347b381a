"""Modules that others wrote, read by running them once: their operations, values and costs, and the networks they are.

``trace`` gives a network (``networks.traced``) with knobs; ``scaled`` a module of the user's own classes with other
sizes; ``with_weights`` the traced network built anew with the weights of its module.
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from complexity_theory.measurement.trace.tracing import scaled as scaled
    from complexity_theory.measurement.trace.tracing import trace as trace
    from complexity_theory.measurement.trace.weights import with_weights as with_weights

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"tracing": ["scaled", "trace"], "weights": ["with_weights"]}
)

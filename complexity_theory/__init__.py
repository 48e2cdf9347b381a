"""What scaling a convolutional network costs: in closed form, in exact integers, and in measured time.

>>> import complexity_theory as ct
>>> ct.network("EfficientNet-B0").complexity()
Complexity(flops=385825092, params=5288548, acts=6748036)
>>> ct.derive("dWr").exponents
Complexity(flops=1, params=9/10, acts=3/5)

The public names stand in ``__init__.pyi``. They are loaded when first used, so that the import is quick and brings in
neither sympy nor torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

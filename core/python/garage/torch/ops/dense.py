"""Dense: y = norm(activation(x weight^T + bias)): what stands before a head's own projection, and in poolers."""

from __future__ import annotations

import dataclasses

from torch import Tensor
from torch.nn import functional

from ..run.one_pass import Pass
from ..weights import Store
from .activation import activate, require_activation
from .linear import Linear, register_linear
from .norm import Norm, NormModule
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class Dense:
    NAME = "dense"

    linear: Linear
    activation: str
    norm: Norm | None = None


class DenseModule(PartModule):
    """Takes (..., in), as a part or within one; its parameters are "weight", "bias" and "norm.weight"."""

    def __init__(self, name: str, part: str | None, dense: Dense, store: Store) -> None:
        super().__init__(name, part)
        require_activation(name, dense.activation)
        self.activation = dense.activation
        register_linear(self, dense.linear, store)
        self.norm = NormModule(f"{name}.norm", None, dense.norm, store) if dense.norm else None

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        x = activate(self.activation, functional.linear(given, self.weight, self.bias))
        return self.norm(x, run) if self.norm else x

"""Linear: y = x weight^T + bias."""

from __future__ import annotations

import dataclasses

from torch import Tensor, nn
from torch.nn import functional

from ..blueprint import TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class Linear:
    NAME = "linear"
    STANDS_AS_IT_IS = True  # among other projections

    in_: int
    out: int
    weight: TensorRef  # [out, in]
    bias: TensorRef | None = None  # [out]


def register_linear(module: nn.Module, linear: Linear, store: Store) -> None:
    """As the module's own "weight" and "bias"."""
    store.parameter(module, "weight", linear.weight, (linear.out, linear.in_))
    store.parameter(module, "bias", linear.bias, (linear.out,))


class LinearMap(nn.Module):
    """One linear map within a part."""

    def __init__(self, linear: Linear, store: Store) -> None:
        super().__init__()
        register_linear(self, linear, store)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]} to {self.weight.shape[0]}"


class LinearModule(PartModule):
    def __init__(self, name: str, part: str | None, linear: Linear, store: Store) -> None:
        super().__init__(name, part)
        register_linear(self, linear, store)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        return functional.linear(given, self.weight, self.bias)

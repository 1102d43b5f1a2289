"""What projects: a linear map, or two one after another through few dimensions (DeepSeek 2's and 3's queries)."""

from __future__ import annotations

import dataclasses
from typing import Union

from torch import Tensor, nn

from ..run.one_pass import Pass
from ..weights import Store
from .linear import Linear, LinearMap
from .norm import Norm, NormModule


@dataclasses.dataclass(frozen=True)
class LowRank:
    """y = up(norm(down(x)))"""

    NAME = "low_rank"

    down: Linear
    up: Linear
    norm: Norm | None = None  # over [down.out]


# In a document a Linear stands as it is, any other as {"low_rank": {...}}.
Projection = Union[Linear, LowRank]


def output_of(projection: Projection) -> int:
    return projection.up.out if isinstance(projection, LowRank) else projection.out


def input_of(projection: Projection) -> int:
    return projection.down.in_ if isinstance(projection, LowRank) else projection.in_


class LowRankMap(nn.Module):
    """Its parameters are "down.weight", "norm.weight" and "up.weight"."""

    def __init__(self, name: str, low: LowRank, store: Store) -> None:
        super().__init__()
        self.down = LinearMap(low.down, store)
        self.norm = NormModule(f"{name}.norm", None, low.norm, store) if low.norm else None
        self.up = LinearMap(low.up, store)

    def forward(self, x: Tensor, run: Pass) -> Tensor:
        few = self.down(x)
        return self.up(self.norm(few, run) if self.norm else few)

    @property
    def weight(self) -> Tensor:
        return self.up.weight


class LinearProjection(LinearMap):
    def forward(self, x: Tensor, run: Pass) -> Tensor:
        return super().forward(x)


def make_projection(name: str, projection: Projection, store: Store) -> nn.Module:
    """A module of (x, pass), whose `weight` says where it computes."""
    if isinstance(projection, LowRank):
        return LowRankMap(name, projection, store)
    return LinearProjection(projection, store)

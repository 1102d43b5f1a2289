"""Relative positions in buckets (arXiv:1910.10683, section 2.1; transformers: T5Attention.compute_bias)."""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..blueprint import OtherPart, TensorRef
from ..weights import Store
from .position import PositionMap


@dataclasses.dataclass(frozen=True)
class RelativeBias:
    """What is added to a score, after the scale, depends on the head and on how far the key lies before the query. The
    nearest distances have a bucket each, in which half of the buckets are; those beyond share the others, in equal
    steps of the logarithm; from max_distance on all are in the last."""

    NAME = "relative_bias"

    buckets: int
    heads: int
    max_distance: int
    two_sided: bool  # half of the buckets are for keys behind the query; False: those are in the first
    table: TensorRef  # [buckets, heads]
    tied_to: OtherPart | None = None  # the attention whose table it is; None: its own

    @property
    def of_a_side(self) -> int:
        return self.buckets // 2 if self.two_sided else self.buckets

    @property
    def exact(self) -> int:
        """Distances with a bucket of their own: 0, 1, ..."""
        return self.of_a_side // 2

    def faults(self) -> Iterator[str]:
        if self.exact <= 0:
            yield f"has {self.buckets} buckets, too few for a distance to have its own"
        if self.max_distance <= self.exact:
            yield f"has max_distance {self.max_distance}, should be above {self.exact}"


def buckets_of(bias: RelativeBias, distance: Tensor) -> Tensor:
    """Which bucket each distance from a query to a key is in, int64. In float32, step for step: where a bucket ends is
    a matter of its rounding."""
    count, exact = bias.of_a_side, bias.exact
    far = distance.abs() if bias.two_sided else (-distance).clamp(min=0)
    steps = torch.log(far.float() / exact) / math.log(bias.max_distance / exact) * (count - exact)
    # A distance of 0 has no logarithm; its bucket is its own.
    beyond = (torch.where(far < exact, torch.zeros_like(steps), steps).long() + exact).clamp(max=count - 1)
    buckets = torch.where(far < exact, far, beyond)
    return buckets + (distance > 0).long() * count if bias.two_sided else buckets


class RelativeBiasPosition(PositionMap):
    """Its parameter is the attention's "relative_bias"."""

    def __init__(self, bias: RelativeBias, owner: nn.Module, store: Store) -> None:
        self.relative = bias
        self.owner = owner
        store.parameter(owner, "relative_bias", bias.table, (bias.buckets, bias.heads))

    def bias(self, positions: Tensor, key_positions: Tensor) -> Tensor:
        distance = key_positions.unsqueeze(-2) - positions.unsqueeze(-1)  # (batch or 1, seq, keys)
        rows = functional.embedding(buckets_of(self.relative, distance), self.owner.relative_bias)
        return rows.permute(0, 3, 1, 2)

"""Of a sequence's hidden states one: the poolers of transformers' encoders, which take the first token, and
sentence-transformers' Pooling. What is padding does not count, so that a padded sequence gives what it gives alone: the
first token is the first that counts.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator, Literal

import torch
from torch import Tensor

from ..errors import Unsupported
from ..run.one_pass import Pass
from ..run.padding import described, hidden_padding
from ..weights import Store
from .activation import activate, require_activation
from .dense import Dense
from .linear import LinearMap
from .norm import NormModule
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class Pooling:
    """(batch, seq, size) to (batch, size), and through `dense` where there is one."""

    NAME = "pooling"

    size: int
    # first, last: that token's; mean: the sum over the tokens, by how many they are; mean_sqrt: the same sum, by the
    # square root of how many; weighted_mean: the mean, in which the first token counts once, the second twice, ...
    # (arXiv:2202.08904); max: of each dimension the largest
    by: Literal["first", "last", "mean", "mean_sqrt", "weighted_mean", "max"]
    dense: Dense | None = None  # from size

    def faults(self) -> Iterator[str]:
        if self.dense and self.dense.linear.in_ != self.size:
            yield f"has dense.in {self.dense.linear.in_}, should be {self.size} (size)"


def pooled(by: str, x: Tensor, counts: Tensor) -> Tensor:
    """x (batch, seq, hidden); counts (batch, seq) bool: which tokens do. Of none a mean is 0, as sentence-transformers
    has it."""
    order = counts.long().cumsum(1)  # 1, 2, ...
    if by in ("first", "last"):
        # The first place of the largest is where the first token, or the last one, was counted.
        index = (order.clamp(max=1) if by == "first" else order).argmax(1)
        return x.gather(1, index.view(-1, 1, 1).expand(-1, 1, x.shape[2])).squeeze(1)
    if by == "max":
        return x.masked_fill(~counts.unsqueeze(-1), -math.inf).max(1).values
    weights = (order * counts if by == "weighted_mean" else counts).to(x.dtype).unsqueeze(-1)
    # Not a product alone: what padding holds may be no number.
    total = (x.masked_fill(~counts.unsqueeze(-1), 0) * weights).sum(1)
    count = weights.sum(1).clamp(min=1e-9)
    return total / (count.sqrt() if by == "mean_sqrt" else count)


class PoolingModule(PartModule):
    def __init__(self, name: str, part: str | None, pooling: Pooling, store: Store) -> None:
        super().__init__(name, part)
        self.pooling = pooling
        dense = pooling.dense
        if dense:
            require_activation(name, dense.activation)
        self.dense = LinearMap(dense.linear, store) if dense else None
        self.dense_norm = NormModule(f"{name}.dense_norm", None, dense.norm, store) if dense and dense.norm else None

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        size = self.pooling.size
        fits = given is not None and given.is_floating_point() and given.dim() == 3 and given.shape[2] == size
        if not fits or given.shape[1] == 0:
            raise ValueError(f"{self.name}: pools hidden states (batch, seq, {size}) of a token or more, not "
                             f"{described(given)}")
        if run.seen > 0:
            raise Unsupported(f"{self.name}: pools a whole sequence, of which this is a later piece")
        padding = hidden_padding(self.name, run.said.attention_mask, given.shape[0], given.shape[1], given.device)
        counts = given.new_ones(given.shape[:2], dtype=torch.bool) if padding is None else ~padding.flatten(1)
        one = pooled(self.pooling.by, given, counts)
        if self.dense is None:
            return one
        one = activate(self.pooling.dense.activation, self.dense(one))
        return self.dense_norm(one, run) if self.dense_norm else one

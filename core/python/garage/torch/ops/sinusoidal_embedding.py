"""Positions, computed: the sines of (position + offset) * speed, then its cosines (arXiv:1706.03762, section 3.5)."""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator, Literal

import torch
from torch import Tensor

from ..run.one_pass import Pass
from ..weights import Store
from .part_module import PartModule, require_ids


@dataclasses.dataclass(frozen=True)
class SinusoidalEmbedding:
    NAME = "sinusoidal_embedding"

    size: int  # even
    # By how much each angle grows with a position, the i-th of size / 2:
    # below_base: base^(-2i / size), as the paper has it (Marian)
    # to_base:    base^(-i / (size / 2 - 1)), as tensor2tensor has it: the last is 1 / base (M2M-100)
    speed: Literal["below_base", "to_base"]
    base: float  # 10000 in all that transformers has
    offset: int | None = None  # what position 0 counts as, from 1 (M2M-100: pad_token_id + 1); None: as 0
    # The token that has no position: it is passed over when positions are counted, and gets zeros (M2M-100). None:
    # none, and positions are counted whatever the tokens are.
    padding_id: int | None = None

    def faults(self) -> Iterator[str]:
        if self.size % 2 or self.size <= 0 or (self.speed == "to_base" and self.size <= 2):
            yield f"has size {self.size}, should be even, and above 2 of speed 'to_base'"


def speeds_of(embedding: SinusoidalEmbedding) -> Tensor:
    """In float64 as MarianSinusoidalPositionalEmbedding has them, in float32 as M2M100SinusoidalPositionalEmbedding."""
    count = embedding.size // 2
    if embedding.speed == "below_base":
        return torch.pow(embedding.base, torch.arange(count, dtype=torch.float64) * -2 / embedding.size)
    step = math.log(embedding.base) / (count - 1)
    return torch.exp(torch.arange(count, dtype=torch.float32) * -step)


class SinusoidalEmbeddingModule(PartModule):
    """Positions in, float32 out, whatever the model computes in: the stack's sum has the weights' dtype."""

    def __init__(self, name: str, part: str | None, embedding: SinusoidalEmbedding, store: Store) -> None:
        super().__init__(name, part)
        self.embedding = embedding
        self.speeds = speeds_of(embedding)  # no buffer, which .to(dtype) would round

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        require_ids(self.name, given)
        # On the CPU: not every device has float64.
        counted = (given.cpu() + (self.embedding.offset or 0)).to(self.speeds.dtype)
        angles = counted.unsqueeze(-1) * self.speeds
        rows = torch.cat([angles.sin(), angles.cos()], -1).float().to(given.device)
        if self.embedding.padding_id is None:
            return rows
        return rows.masked_fill((given < 0).unsqueeze(-1), 0)  # padding, as whoever counts positions says it

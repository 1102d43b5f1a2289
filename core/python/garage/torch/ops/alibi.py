"""Attention with linear biases (arXiv:2108.12409; transformers: build_alibi_tensor of modeling_bloom.py)."""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor

from .position import PositionMap


@dataclasses.dataclass(frozen=True)
class Alibi:
    """A key's score grows with its position, by a slope that each head has. Of c heads, the largest power of 2 not
    above the number of heads, it is 2^(-max_bias i / c) for i = 1 ... c; of those that are left every second one of 2c
    heads'."""

    NAME = "alibi"

    max_bias: float = 8.0
    in_bfloat16: bool | None = None  # slopes, positions and their product are rounded to bfloat16 (Falcon); None: no
    scale: float | None = None  # of what is added to a score (Falcon: 1 / sqrt(D))

    def faults(self) -> Iterator[str]:
        if not self.max_bias > 0:
            yield f"has max_bias {self.max_bias}, should be above 0"


def slopes_of(alibi: Alibi, heads: int) -> Tensor:
    """(heads, 1, 1), float32 on the CPU, as torch.pow gives them of a base that was rounded to it."""
    whole = 1 << (heads.bit_length() - 1)

    def powers(of: int, step: int, count: int) -> Tensor:
        base = torch.tensor(2 ** (-alibi.max_bias / of), dtype=torch.float32)
        return torch.pow(base, torch.arange(1, 1 + count * step, step, dtype=torch.int32))

    return torch.cat([powers(whole, 1, whole), powers(2 * whole, 2, heads - whole)]).view(heads, 1, 1)


class AlibiPosition(PositionMap):
    def __init__(self, alibi: Alibi, heads: int) -> None:
        self.alibi = alibi
        self.slopes = slopes_of(alibi, heads)

    def bias(self, positions: Tensor, key_positions: Tensor) -> Tensor:
        dtype = torch.bfloat16 if self.alibi.in_bfloat16 else torch.float32
        at = key_positions.to(dtype).unsqueeze(1).unsqueeze(2)
        bias = (self.slopes.to(at) * at).float()  # (batch, heads, 1, keys)
        return bias if self.alibi.scale is None else bias * self.alibi.scale

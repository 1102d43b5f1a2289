"""y[t] = bias + sum of weight[i] * x[t - kernel + 1 + i]: of each channel by itself, over the positions up to each."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..blueprint import TensorRef
from ..weights import Store


@dataclasses.dataclass(frozen=True)
class CausalConvolution:
    channels: int
    kernel: int  # positions that are summed, the token's own included
    weight: TensorRef  # [channels, kernel], whose last column is the token's own
    bias: TensorRef | None = None  # [channels]


def convolved(x: Tensor, kernel: Tensor, bias: Tensor | None, memory: dict[str, Tensor] | None, role: str) -> Tensor:
    """x (batch, channels, seq) in and out. What the next piece needs is the memory's `role`; None: there is none."""
    width = kernel.shape[1] - 1
    before = memory.get(role) if memory is not None else None
    if before is None:
        before = x.new_zeros(x.shape[0], x.shape[1], width)
    everything = torch.cat([before, x], -1)
    if memory is not None:
        memory[role] = everything.narrow(-1, everything.shape[-1] - width, width).clone()
    return functional.conv1d(everything, kernel.unsqueeze(1), bias, groups=kernel.shape[0])


class ConvolutionMap(nn.Module):
    """One within a part, which goes on from piece to piece; (batch, seq, channels) in and out."""

    def __init__(self, convolution: CausalConvolution, store: Store) -> None:
        super().__init__()
        store.parameter(self, "weight", convolution.weight, (convolution.channels, convolution.kernel))
        store.parameter(self, "bias", convolution.bias, (convolution.channels,))

    def forward(self, x: Tensor, memory: dict[str, Tensor] | None) -> Tensor:
        return convolved(x.transpose(1, 2), self.weight, self.bias, memory, "convolution").transpose(1, 2)

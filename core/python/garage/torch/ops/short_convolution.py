"""A convolution between two gates (transformers: Lfm2ShortConv.slow_forward).

    b, c, x = in(input)        rows of b, then of c, then of x
    y = o(c * convolution(b * x))
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor

from ..run.one_pass import Pass
from ..weights import Store
from .causal_convolution import CausalConvolution, ConvolutionMap
from .linear import Linear, LinearMap
from .part_module import PartModule
from .recurrence import recurrent_input


@dataclasses.dataclass(frozen=True)
class ShortConvolution:
    NAME = "short_convolution"

    in_: Linear  # to 3 * convolution.channels
    convolution: CausalConvolution
    o: Linear  # from convolution.channels

    def faults(self) -> Iterator[str]:
        if self.in_.out != 3 * self.convolution.channels or self.o.in_ != self.convolution.channels:
            yield "has an 'in' or an 'o' that is not of its convolution's channels"


class ShortConvolutionModule(PartModule):
    def __init__(self, name: str, part: str | None, said: ShortConvolution, store: Store) -> None:
        super().__init__(name, part)
        self.said = said
        self.add_module("in", LinearMap(said.in_, store))
        self.convolution = ConvolutionMap(said.convolution, store)
        self.o = LinearMap(said.o, store)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        x = recurrent_input(self.name, given, run)
        self.require_hidden_states(x, self.said.in_.in_, self.o.weight)
        if x.shape[1] == 0:
            return torch.zeros_like(x)
        b, c, x = getattr(self, "in")(x).chunk(3, -1)
        # By a bias padding is more than zeros.
        return self.o(c * self.convolution(run.without_padding(b * x), run.memory(self.name)))

"""What projects hidden states to logits."""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..blueprint import OtherPart, TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .linear import Linear, register_linear
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class OutputHead:
    NAME = "output_head"

    projection: Linear  # to the vocabulary
    softcap: float | None = None  # cap * tanh(logits / cap)
    tied_to: OtherPart | None = None  # the part whose tensor the weight is
    input_scale: float | None = None  # of what is projected (T5)
    logits_bias: TensorRef | None = None  # [1, projection.out]: added once they are projected (BART)
    # Of what is projected, before logits_bias and softcap; not both:
    logits_scale: float | None = None  # logits * it (Cohere)
    logits_divisor: float | None = None  # logits / it (Granite)

    def faults(self) -> Iterator[str]:
        if self.logits_scale is not None and self.logits_divisor is not None:
            yield "has a 'logits_scale' and a 'logits_divisor'"


class OutputHeadModule(PartModule):
    def __init__(self, name: str, part: str | None, head: OutputHead, store: Store) -> None:
        super().__init__(name, part)
        self.head = head
        register_linear(self, head.projection, store)
        store.parameter(self, "logits_bias", head.logits_bias, (1, head.projection.out))

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        head = self.head
        self.require_hidden_states(given, head.projection.in_, self.weight)
        x = given if head.input_scale is None else given * head.input_scale
        logits = functional.linear(x, self.weight, self.bias)
        if head.logits_scale is not None:
            logits = logits * head.logits_scale
        if head.logits_divisor is not None:
            logits = logits / head.logits_divisor
        if self.logits_bias is not None:
            logits = logits + self.logits_bias
        return logits if head.softcap is None else torch.tanh(logits / head.softcap) * head.softcap

"""Norms in the order of casts of LlamaRMSNorm, GemmaRMSNorm and torch.nn.LayerNorm (transformers)."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..blueprint import TensorRef
from ..run.one_pass import Pass
from ..run.padding import described
from ..weights import Store
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class Norm:
    NAME = "norm"

    # layer: (x - mean) / sqrt(var + eps) * (weight_offset + weight) + bias
    # rms:   x / sqrt(mean(x^2) + eps) * (weight_offset + weight)
    # l2:    x / max(sqrt(sum(x^2)), eps), without weight and bias
    kind: Literal["layer", "rms", "l2"]
    size: int  # numbers that are scaled together
    eps: float
    weight: TensorRef | None = None  # [size]; None: no learned scale
    bias: TensorRef | None = None  # [size]
    weight_offset: float = 0.0  # 1 in Gemma and Nemotron, whose weights are stored around 0
    multiply_before_cast: bool = False  # of narrow dtypes: whether the weight multiplies in float32 (Gemma)

    def faults(self) -> Iterator[str]:
        if not self.eps > 0:
            yield f"has eps {self.eps}, should be above 0"
        if self.kind == "l2" and (self.weight or self.bias):
            yield "is of kind l2, and has a 'weight' or a 'bias'"
        if self.kind == "rms" and self.bias:
            yield "is of kind rms, and has a 'bias'"


def rms_normed(x: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps), in float32."""
    wide = x.float()
    return wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)


class NormModule(PartModule):
    def __init__(self, name: str, part: str | None, norm: Norm, store: Store) -> None:
        super().__init__(name, part)
        self.norm = norm
        store.parameter(self, "weight", norm.weight, (norm.size,))
        store.parameter(self, "bias", norm.bias, (norm.size,))

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        norm = self.norm
        if given is None or not given.is_floating_point() or given.shape[-1] != norm.size:
            raise ValueError(f"{self.name}: takes hidden_states, (..., {norm.size}), not {described(given)}")
        if norm.kind == "layer":
            weight = self.weight
            if weight is not None and norm.weight_offset != 0:
                weight = weight + norm.weight_offset
            return functional.layer_norm(given, (norm.size,), weight, self.bias, norm.eps)
        if norm.kind == "l2":  # torch.nn.functional.normalize
            return given / given.norm(2, -1, keepdim=True).clamp(min=norm.eps)
        return self._rms(given)

    def _rms(self, x: Tensor) -> Tensor:
        normed = rms_normed(x, self.norm.eps)
        if self.weight is None:
            return normed.to(x.dtype)
        if self.norm.multiply_before_cast:
            weight = self.weight.float()
            return (normed * (weight + self.norm.weight_offset if self.norm.weight_offset else weight)).to(x.dtype)
        offset = self.norm.weight_offset
        return (self.weight + offset if offset else self.weight) * normed.to(x.dtype)

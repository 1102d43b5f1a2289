"""Norms of q and k of which each head has its own weight (transformers: CohereLayerNorm, StableLmLayerNormPerHead)."""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..weights import Store
from .norm import Norm, rms_normed


@dataclasses.dataclass(frozen=True)
class HeadNorms:
    q: tuple[Norm, ...]  # of as many as there are heads, and kv_heads; but for the weight all are one
    k: tuple[Norm, ...]

    def faults(self) -> Iterator[str]:
        for norms in (self.q, self.k):
            if not norms:
                yield "has no norms"
            for norm in norms:
                is_plain = norm.weight and not norm.bias and norm.weight_offset == 0
                if not is_plain or (norm.kind, norm.eps) != (norms[0].kind, norms[0].eps):
                    yield "has norms that are not of one kind and eps, with a weight alone"
                if norm.kind == "l2":
                    yield "has norms of kind l2"


class _Weight(nn.Module):
    def __init__(self, norm: Norm, store: Store) -> None:
        super().__init__()
        store.parameter(self, "weight", norm.weight, (norm.size,))


class _List(nn.ModuleList):
    def __init__(self, norms: tuple[Norm, ...], store: Store) -> None:
        super().__init__(_Weight(norm, store) for norm in norms)
        self.norm = norms[0]

    def forward(self, heads: Tensor) -> Tensor:
        weight = torch.stack([one.weight for one in self]).float().unsqueeze(1)  # (heads, 1, qk_dim)
        if self.norm.kind == "layer":
            normed = functional.layer_norm(heads.float(), (heads.shape[-1],), None, None, self.norm.eps)
        else:
            normed = rms_normed(heads, self.norm.eps)
        return (normed * weight).to(heads.dtype)


class HeadNormsMap(nn.Module):
    """Its parameters are "q.0.weight", ...; q and k take and give (batch, heads, seq, qk_dim)."""

    def __init__(self, norms: HeadNorms, store: Store) -> None:
        super().__init__()
        self.q = _List(norms.q, store)
        self.k = _List(norms.k, store)

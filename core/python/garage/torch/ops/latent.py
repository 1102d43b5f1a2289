"""Keys and values through few dimensions (multi-head latent attention, arXiv:2405.04434, section 2.1; transformers:
DeepseekV3Attention).

    c, s = down(x)        c: the latent; s: the last shared_dim dimensions of every head's key
    up(norm(c))           of each head the rest of its key, then its value
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor, nn

from ..run.one_pass import Pass
from ..weights import Store
from .linear import Linear, LinearMap
from .norm import Norm, NormModule


@dataclasses.dataclass(frozen=True)
class Latent:
    NAME = "latent"

    shared_dim: int
    down: Linear  # to norm.size + shared_dim
    norm: Norm
    up: Linear  # to heads * (qk_dim - shared_dim + v_dim)
    scale: float | None = None  # of norm(c) (LongCat)

    def faults(self) -> Iterator[str]:
        if self.down.out != self.norm.size + self.shared_dim:
            yield f"has down.out {self.down.out}, should be norm.size + shared_dim"


class LatentMap(nn.Module):
    """Its parameters are "down.weight", "norm.weight" and "up.weight"."""

    def __init__(self, name: str, latent: Latent, heads: int, v_dim: int, store: Store) -> None:
        super().__init__()
        self.latent = latent
        self.heads = heads
        self.v_dim = v_dim
        self.down = LinearMap(latent.down, store)
        self.norm = NormModule(f"{name}.norm", None, latent.norm, store)
        self.up = LinearMap(latent.up, store)

    def forward(self, x: Tensor, run: Pass) -> tuple[Tensor, Tensor]:
        """x (batch, seq, hidden) to (batch, heads, seq, qk_dim), whose last shared_dim are the same in all heads, and
        (batch, heads, seq, v_dim)."""
        few, shared = self.down(x).split([self.latent.norm.size, self.latent.shared_dim], -1)
        few = self.norm(few, run)
        if self.latent.scale is not None:
            few = few * self.latent.scale
        heads = self.up(few).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        own, values = heads.split([heads.shape[-1] - self.v_dim, self.v_dim], -1)
        return torch.cat([own, shared.unsqueeze(1).expand(-1, self.heads, -1, -1)], -1), values

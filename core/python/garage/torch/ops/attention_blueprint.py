"""Attention: softmax(mask(softcap(scale * q k^T))) v, its o_norm, times sigmoid(gate), then o."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Literal

from ..blueprint import OtherPart
from .attend import Mask
from .head_norms import HeadNorms
from .latent import Latent
from .linear import Linear
from .norm import Norm
from .positions import Position
from .projection import Projection, output_of
from .rope import Rope


@dataclasses.dataclass(frozen=True)
class QueryScale:
    """A query grows with its position: times 1 + beta * ln(1 + floor((position + first) / step)) (arXiv:2501.19399)."""

    beta: float
    step: int  # positions
    first: int | None = None  # what position 0 counts as, from 1; None: as 0
    by_order: bool = False  # position: how many tokens came before it, whatever the caller's position ids say (Llama 4)
    multiply_before_cast: bool = False  # of narrow dtypes: whether it multiplies in float32 (Llama 4)


@dataclasses.dataclass(frozen=True)
class Attention:
    NAME = "attention"

    heads: int  # a multiple of kv_heads
    kv_heads: int
    qk_dim: int  # of a head: of its queries and keys
    v_dim: int  # and of its values
    scale: float
    q: Projection  # to heads * qk_dim
    o: Linear  # from heads * v_dim
    k: Projection | None = None  # to kv_heads * qk_dim
    v: Projection | None = None  # to kv_heads * v_dim
    gate: Linear | None = None  # to heads * v_dim, or to heads: one number for each
    q_norm: Norm | None = None  # of each head, [qk_dim], or of all together
    k_norm: Norm | None = None
    norms_after_position: bool | None = None  # None: before positions count
    query_scale: QueryScale | None = None  # after both
    position: Position = None
    mask: Mask = Mask()
    softcap: float | None = None  # cap * tanh(x / cap)
    from_memory: bool = False  # k and v are of an encoder's output, all of which every token sees

    # In place of k and v, or of v:
    latent: Latent | None = None
    keys_of: OtherPart | None = None  # whose keys and values it looks at: an earlier one's (Gemma 3n)
    values_are_keys: bool | None = None  # v is what k gives, before its norm and its position (Gemma 4)

    v_norm: Norm | None = None  # of each head, [v_dim]
    is_source: bool | None = None  # whether others look at its keys and values; None: none does
    o_norm: Norm | None = None  # of all heads together, [heads * v_dim] (BitNet)
    head_norms: HeadNorms | None = None  # in place of q_norm and k_norm
    clip: float | None = None  # q, k and v are at most so far from 0, after their norms (OLMo)
    gate_kind: Literal["sigmoid", "softplus"] | None = None  # None: sigmoid

    def faults(self) -> Iterator[str]:
        """What would be computed wrongly, or passed over without a word."""
        if self.kv_heads <= 0 or self.heads % self.kv_heads:
            yield f"has {self.heads} heads, which cannot share {self.kv_heads} kv_heads evenly"
            return
        if output_of(self.q) != self.heads * self.qk_dim or self.o.in_ != self.heads * self.v_dim:
            yield "has a 'q' or an 'o' that is not of its heads"
        yield from self._key_faults()
        yield from self._norm_faults()
        if self.gate_kind and not self.gate:
            yield "has a 'gate_kind' and no 'gate'"
        if self.gate and self.gate.out not in (self.heads, self.heads * self.v_dim):
            yield f"has gate.out {self.gate.out}, should be heads, or heads x v_dim"
        if self.from_memory and (self.position or self.mask.window or self.mask.chunk or self.query_scale):
            yield "sees all of an encoder's output, and has a position, a window, a chunk or a query_scale"
        if isinstance(self.position, Rope) and (self.position.first or 0) + self.position.dims > self.qk_dim:
            yield f"turns more than its {self.qk_dim} dimensions by its rope"

    def _key_faults(self) -> Iterator[str]:
        """Keys and values come from exactly one place."""
        places = [self.latent is not None, self.keys_of is not None, self.k is not None]
        if sum(places) != 1:
            yield "should have one of 'k', 'latent' and 'keys_of'"
        elif self.k is None:
            if self.v or self.k_norm or self.values_are_keys or self.from_memory or self.head_norms or self.clip:
                yield "has no 'k' of its own, and says what becomes of one"
            if self.keys_of and (self.v_norm or self.is_source):
                yield "looks at another's keys and values, and has a 'v_norm' or is_source"
            if self.latent and self.kv_heads != self.heads:
                yield "has a 'latent', and not as many kv_heads as heads"
        else:
            if bool(self.values_are_keys) == (self.v is not None):
                yield "should have one of 'v' and values_are_keys"
            wrong_k = output_of(self.k) != self.kv_heads * self.qk_dim
            if wrong_k or (self.v and output_of(self.v) != self.kv_heads * self.v_dim):
                yield "has a 'k' or a 'v' that is not of its kv_heads"

    def _norm_faults(self) -> Iterator[str]:
        if self.head_norms and (self.q_norm or self.k_norm):
            yield "has 'head_norms', and a 'q_norm' or a 'k_norm'"
        if self.head_norms and (len(self.head_norms.q), len(self.head_norms.k)) != (self.heads, self.kv_heads):
            yield "has not a head_norm for each head"
        if self.norms_after_position and not (self.q_norm and self.k_norm):
            yield "has norms_after_position and no 'q_norm' or no 'k_norm'"
        widths = {"q_norm": self.heads * self.qk_dim, "k_norm": self.kv_heads * self.qk_dim}
        for name, width in widths.items():
            norm = getattr(self, name)
            allowed = (self.qk_dim,) if self.norms_after_position else (self.qk_dim, width)
            if norm and norm.size not in allowed:
                yield f"has {name}.size {norm.size}, should be {' or '.join(map(str, allowed))}"

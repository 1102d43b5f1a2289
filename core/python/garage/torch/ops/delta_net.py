"""Gated delta net (arXiv:2412.06464; transformers: Qwen3NextGatedDeltaNet and torch_chunk_gated_delta_rule): an
attention without a softmax, whose memory is one matrix a head. Token by token

    S = S exp(-exp(rate) softplus(decay(x) + decay_bias))
    S = S + k (sigmoid(beta(x)) (v - k^T S))^T
    y = S^T q

then o(norm(y) silu(gate(x))). q, k and v pass a causal convolution of each channel and a silu; q and k of each head are
divided by their length, and q by the root of key_dim; each key head serves value_heads / key_heads value heads.
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from ..blueprint import TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .causal_convolution import convolved
from .linear import Linear, LinearMap
from .norm import Norm, NormModule
from .part_module import PartModule
from .recurrence import chunks, recurrent_input


@dataclasses.dataclass(frozen=True)
class DeltaNet:
    NAME = "delta_net"

    key_heads: int
    value_heads: int  # a multiple of key_heads
    key_dim: int  # of a head
    value_dim: int
    kernel: int  # positions that a convolution sees, the token's own included
    q: Linear  # to key_heads * key_dim
    k: Linear
    v: Linear  # to value_heads * value_dim
    gate: Linear
    beta: Linear  # to value_heads
    decay: Linear
    q_conv: TensorRef  # [q.out, kernel]
    k_conv: TensorRef
    v_conv: TensorRef
    rate: TensorRef  # [value_heads]: A_log
    decay_bias: TensorRef  # [value_heads]: dt_bias
    norm: Norm  # of each head, over [value_dim]
    o: Linear
    beta_scale: float | None = None  # of sigmoid(beta(x)) (OLMo hybrid: 2)

    def faults(self) -> Iterator[str]:
        if self.key_heads <= 0 or self.value_heads % self.key_heads:
            yield f"has {self.value_heads} value_heads, which cannot share {self.key_heads} key_heads evenly"
        keys, values = self.key_heads * self.key_dim, self.value_heads * self.value_dim
        if (self.q.out, self.k.out, self.v.out, self.gate.out, self.o.in_) != (keys, keys, values, values, values):
            yield "has a 'q', 'k', 'v', 'gate' or 'o' that is not of its heads"
        if (self.beta.out, self.decay.out) != (self.value_heads, self.value_heads):
            yield "has a 'beta' or a 'decay' that is not of its value_heads"


@dataclasses.dataclass
class Rows:
    """Of value heads: (batch, heads, seq, dim), float32; beta and decay (batch, heads, seq), decay as logarithms."""

    q: Tensor
    k: Tensor
    v: Tensor
    beta: Tensor
    decay: Tensor

    def narrowed(self, start: int, length: int) -> "Rows":
        return Rows(*(x.narrow(2, start, length) for x in (self.q, self.k, self.v, self.beta, self.decay)))


def chunk_of_rows(rows: Rows, state: Tensor) -> tuple[Tensor, Tensor]:
    """What the tokens of one chunk give, (batch, heads, seq, value_dim), and the state (batch, heads, key_dim,
    value_dim) after them. Each token's value is what is left of it once those before it, of its own chunk, have been
    written: a triangular system."""
    total = rows.decay.cumsum(-1)  # since the chunk began
    decay = (total.unsqueeze(-1) - total.unsqueeze(-2)).tril().exp().tril()  # (..., seq, seq)
    beta = rows.beta.unsqueeze(-1)
    k_beta = rows.k * beta
    overlap = (torch.matmul(k_beta, rows.k.transpose(-1, -2)) * decay).tril(-1)
    one = torch.eye(overlap.shape[-1], dtype=overlap.dtype, device=overlap.device)
    inverse = torch.linalg.solve_triangular(overlap + one, one.expand_as(overlap), upper=False, unitriangular=True)
    seen = torch.matmul(torch.matmul(inverse, k_beta * total.exp().unsqueeze(-1)), state)
    fresh = torch.matmul(inverse, rows.v * beta) - seen
    output = torch.matmul(rows.q * total.exp().unsqueeze(-1), state) + torch.matmul(
        torch.matmul(rows.q, rows.k.transpose(-1, -2)) * decay, fresh)
    end = total[..., -1:]
    kept = rows.k * (end - total).exp().unsqueeze(-1)
    return output, state * end.unsqueeze(-1).exp() + torch.matmul(kept.transpose(-1, -2), fresh)


class DeltaNetModule(PartModule):
    def __init__(self, name: str, part: str | None, net: DeltaNet, store: Store) -> None:
        super().__init__(name, part)
        self.net = net
        for role in ("q", "k", "v", "gate", "beta", "decay", "o"):
            self.add_module(role, LinearMap(getattr(net, role), store))
        for role in ("q", "k", "v"):
            store.parameter(self, f"{role}_conv", getattr(net, f"{role}_conv"), (getattr(net, role).out, net.kernel))
        store.parameter(self, "rate", net.rate, (net.value_heads,))
        store.parameter(self, "decay_bias", net.decay_bias, (net.value_heads,))
        self.norm = NormModule(f"{name}.norm", None, net.norm, store)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        x = recurrent_input(self.name, given, run)
        net = self.net
        self.require_hidden_states(x, net.q.in_, self.q.weight)
        if x.shape[1] == 0:
            return torch.zeros_like(x)
        memory = run.memory(self.name)
        rows = self._rows(x, memory)
        state = memory.get("state") if memory is not None else None
        if state is None:
            state = rows.q.new_zeros(x.shape[0], net.value_heads, net.key_dim, net.value_dim)
        outputs = []
        for start, length in chunks(x.shape[1]):
            output, state = chunk_of_rows(rows.narrowed(start, length), state)
            outputs.append(output)
        if memory is not None:
            memory["state"] = state
        heads = torch.cat(outputs, 2).transpose(1, 2).to(x.dtype)  # (batch, seq, heads, value_dim)
        gate = self.gate(x).unflatten(-1, (net.value_heads, net.value_dim))
        normed = self.norm(heads, run) * functional.silu(gate.float())
        return self.o(normed.to(x.dtype).flatten(2))

    def _rows(self, x: Tensor, memory: dict[str, Tensor] | None) -> Rows:
        net = self.net
        values = self._convolved("v", x, memory).unflatten(-1, (net.value_heads, net.value_dim))
        beta = torch.sigmoid(self.beta(x))
        beta = beta if net.beta_scale is None else beta * net.beta_scale
        decay = -self.rate.float().exp() * functional.softplus(self.decay(x).float() + self.decay_bias)
        of_heads = [one.transpose(1, 2).float() for one in (values, beta, decay)]
        return Rows(self._keys("q", x, memory) * net.key_dim**-0.5, self._keys("k", x, memory), *of_heads)

    def _convolved(self, role: str, x: Tensor, memory: dict[str, Tensor] | None) -> Tensor:
        """(batch, seq, channels): silu of each channel's own convolution over the positions up to each, those of passes
        before this one included."""
        mapped = getattr(self, role)(x).transpose(1, 2)
        return functional.silu(convolved(mapped, getattr(self, f"{role}_conv"), None, memory, role)).transpose(1, 2)

    def _keys(self, role: str, x: Tensor, memory: dict[str, Tensor] | None) -> Tensor:
        net = self.net
        heads = self._convolved(role, x, memory).unflatten(-1, (net.key_heads, net.key_dim))
        heads = heads.repeat_interleave(net.value_heads // net.key_heads, 2)
        of_length_1 = heads * torch.rsqrt((heads * heads).sum(-1, keepdim=True) + 1e-6)  # l2norm
        return of_length_1.transpose(1, 2).float()

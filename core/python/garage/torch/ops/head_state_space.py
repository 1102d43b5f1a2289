"""Mamba 2's mixer, whose every head has a state of its own (arXiv:2405.21060; transformers: Mamba2Mixer.torch_forward
and MambaRMSNormGated; Zamba2RMSNormGated, whose norms are of groups; FalconH1Mixer, which scales, and
FalconH1RMSNormGated, whose gate may come after the norm). I is heads * head_dim, N groups * state; heads / groups heads
share one b and c.

    gate, x, b, c, dt = in(input_scale * input) * segment_scales       rows [I, I, N, N, heads]
    x, b, c = activation(convolution(x, b, c))
    dt = clamp(softplus(dt + dt_bias), dt_min, dt_max)
    S = exp(-exp(rate) dt) S + dt x b^T                                token by token; S is [head_dim, state]
    y = S c + skip x
    o(norm(y silu(gate)))      or o(norm(y) silu(gate)) where norm_before_gate, or o(y silu(gate)) without a norm
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..blueprint import TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .activation import activate, require_activation
from .causal_convolution import CausalConvolution, ConvolutionMap
from .linear import Linear, LinearMap
from .norm import Norm, rms_normed
from .part_module import PartModule
from .recurrence import chunks, recurrent_input


@dataclasses.dataclass(frozen=True)
class HeadStateSpace:
    NAME = "head_state_space"

    heads: int
    head_dim: int
    groups: int  # divide the heads evenly
    state: int  # numbers that each dimension of a head remembers
    activation: str  # of the convolution
    in_: Linear
    convolution: CausalConvolution  # of I + 2 N channels
    dt_bias: TensorRef  # [heads]
    rate: TensorRef  # [heads]: A_log
    skip: TensorRef  # [heads]: D
    o: Linear  # from I
    norm: Norm | None = None  # rms, over [I]
    norm_groups: int | None = None  # I / norm_groups numbers are scaled together; None: all of them
    norm_before_gate: bool | None = None  # None: the gate comes first
    dt_min: float | None = None  # None: no bound
    dt_max: float | None = None
    input_scale: float | None = None  # Falcon-H1
    segment_scales: tuple[float, ...] = ()  # of gate, x, b, c, dt (Falcon-H1); empty: none

    @property
    def inner(self) -> int:
        return self.heads * self.head_dim

    @property
    def shared(self) -> int:
        return self.groups * self.state

    def faults(self) -> Iterator[str]:
        if self.groups <= 0 or self.heads % self.groups:
            yield f"has {self.heads} heads, which cannot share {self.groups} groups evenly"
        if self.convolution.channels != self.inner + 2 * self.shared or self.o.in_ != self.inner:
            yield "has a 'convolution' or an 'o' that is not of its heads and groups"
        if self.in_.out != self.inner + self.convolution.channels + self.heads:
            yield f"has in.out {self.in_.out}, should be heads x head_dim + convolution.channels + heads"
        if len(self.segment_scales) not in (0, 5):
            yield f"has {len(self.segment_scales)} segment_scales, should be 5, or none"
        if not self.norm:
            if self.norm_groups or self.norm_before_gate:
                yield "says how it norms, and has no 'norm'"
        elif self.norm.kind != "rms" or not self.norm.weight or self.norm.bias or self.norm.weight_offset:
            yield "has a 'norm' that is no plain rms with a weight"
        elif self.norm.size != self.inner or self.inner % (self.norm_groups or 1):
            yield "has a 'norm' that is not of its heads"


@dataclasses.dataclass
class Rows:
    """Of heads: x (batch, heads, seq, head_dim), b and c (batch, heads, seq, state), float32; dt (batch, heads,
    seq)."""

    x: Tensor
    b: Tensor
    c: Tensor
    dt: Tensor

    def narrowed(self, start: int, length: int) -> "Rows":
        return Rows(*(one.narrow(2, start, length) for one in (self.x, self.b, self.c, self.dt)))


def chunk_of_rows(rows: Rows, rate: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """What the tokens of one chunk give, (batch, heads, seq, head_dim), and the state (batch, heads, state, head_dim)
    after them. rate is (heads, 1), below 0."""
    total = (rows.dt * rate).cumsum(-1)  # since the chunk began
    decay = (total.unsqueeze(-1) - total.unsqueeze(-2)).tril().exp().tril()  # (..., seq, seq)
    weights = torch.matmul(rows.c, rows.b.transpose(-1, -2)) * decay * rows.dt.unsqueeze(-2)
    output = torch.matmul(weights, rows.x) + torch.matmul(rows.c, state) * total.exp().unsqueeze(-1)
    end = total[..., -1:]
    kept = rows.b * ((end - total).exp() * rows.dt).unsqueeze(-1)
    return output, state * end.exp().unsqueeze(-1) + torch.matmul(kept.transpose(-1, -2), rows.x)


class _Weight(nn.Module):
    def __init__(self, norm: Norm, store: Store) -> None:
        super().__init__()
        store.parameter(self, "weight", norm.weight, (norm.size,))


class HeadStateSpaceModule(PartModule):
    def __init__(self, name: str, part: str | None, space: HeadStateSpace, store: Store) -> None:
        super().__init__(name, part)
        require_activation(name, space.activation)
        self.space = space
        self.add_module("in", LinearMap(space.in_, store))
        self.o = LinearMap(space.o, store)
        self.convolution = ConvolutionMap(space.convolution, store)
        for role in ("dt_bias", "rate", "skip"):
            store.parameter(self, role, getattr(space, role), (space.heads,))
        self.norm = _Weight(space.norm, store) if space.norm else None

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        x = recurrent_input(self.name, given, run)
        space = self.space
        self.require_hidden_states(x, space.in_.in_, self.o.weight)
        if x.shape[1] == 0:
            return torch.zeros_like(x)
        memory = run.memory(self.name)
        everything = getattr(self, "in")(x if space.input_scale is None else x * space.input_scale)
        if space.segment_scales:
            everything = everything * self._segment_scales(everything)
        everything = run.without_padding(everything)  # by a bias padding is more than zeros
        gate, mixed, dt = everything.split([space.inner, space.convolution.channels, space.heads], -1)
        rows = self._rows(activate(space.activation, self.convolution(mixed, memory)), dt, run)
        y = self._recurred(rows, memory) + rows.x * self.skip.float().view(-1, 1, 1)
        return self.o(self._gated(y.transpose(1, 2).flatten(2), gate).to(x.dtype))

    def _segment_scales(self, like: Tensor) -> Tensor:
        """Of every row of in."""
        space = self.space
        sizes = torch.tensor([space.inner, space.inner, space.shared, space.shared, space.heads])
        scales = torch.tensor(space.segment_scales, dtype=torch.float64).repeat_interleave(sizes)
        return scales.to(like.dtype).to(like.device)

    def _rows(self, mixed: Tensor, dt: Tensor, run: Pass) -> Rows:
        space = self.space
        x, b, c = mixed.split([space.inner, space.shared, space.shared], -1)

        def as_heads(x: Tensor, parts: int) -> Tensor:
            """(batch, seq, parts * size) as (batch, heads, seq, size), each part for so many heads."""
            split = x.float().unflatten(-1, (parts, -1)).transpose(1, 2)
            return split if parts == space.heads else split.repeat_interleave(space.heads // parts, 1)

        return Rows(as_heads(x, space.heads), as_heads(b, space.groups), as_heads(c, space.groups),
                    self._steps(dt, run).transpose(1, 2))

    def _steps(self, dt: Tensor, run: Pass) -> Tensor:
        """(batch, seq, heads), float32. Of padding it is 0, which neither changes what is remembered nor makes it
        fade."""
        steps = functional.softplus(dt.float() + self.dt_bias.float())
        if self.space.dt_min is not None or self.space.dt_max is not None:
            steps = steps.clamp(self.space.dt_min, self.space.dt_max)
        return run.without_padding(steps)

    def _recurred(self, rows: Rows, memory: dict[str, Tensor] | None) -> Tensor:
        space = self.space
        rate = -self.rate.float().exp().unsqueeze(-1)
        state = memory.get("state") if memory is not None else None
        if state is None:
            state = rows.x.new_zeros(rows.x.shape[0], space.heads, space.state, space.head_dim)
        outputs = []
        for start, length in chunks(rows.x.shape[2]):
            output, state = chunk_of_rows(rows.narrowed(start, length), rate, state)
            outputs.append(output)
        if memory is not None:
            memory["state"] = state
        return torch.cat(outputs, 2)

    def _gated(self, y: Tensor, gate: Tensor) -> Tensor:
        """Of y, in float32."""
        factor = functional.silu(gate.float())
        if self.norm is None:
            return y * factor
        gate_comes_last = bool(self.space.norm_before_gate)
        x = (y if gate_comes_last else y * factor).unflatten(-1, (self.space.norm_groups or 1, -1))
        normed = rms_normed(x, self.space.norm.eps).flatten(-2) * self.norm.weight.float()
        return normed * factor if gate_comes_last else normed

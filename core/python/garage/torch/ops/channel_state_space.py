"""Mamba's mixer, whose every channel has a state of its own (arXiv:2312.00752; transformers: MambaMixer.slow_forward,
FalconMambaMixer and JambaMambaMixer with norms).

    x, gate = in(input)                     rows of x, then of the gate
    x = activation(convolution(x))
    dt, b, c = select(x)                    rows of dt, then state rows of b, then of c; each through its norm
    dt = softplus(step(dt))
    S = exp(-exp(rate) dt) S + dt b x       token by token; S is [channels, state]
    y = c S + skip x
    o(y activation(gate))
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
from .activation import activate, require_activation
from .causal_convolution import CausalConvolution, ConvolutionMap
from .linear import Linear, LinearMap
from .norm import Norm, NormModule
from .part_module import PartModule
from .recurrence import chunks, recurrent_input


@dataclasses.dataclass(frozen=True)
class ChannelStateSpace:
    NAME = "channel_state_space"

    state: int  # numbers that a channel remembers
    activation: str
    in_: Linear  # to 2 * convolution.channels
    convolution: CausalConvolution
    select: Linear  # to step.in + 2 * state
    step: Linear  # from few to convolution.channels
    rate: TensorRef  # [channels, state]: A_log
    skip: TensorRef  # [channels]: D
    o: Linear  # from convolution.channels
    dt_norm: Norm | None = None  # over [step.in], [state], [state]
    b_norm: Norm | None = None
    c_norm: Norm | None = None

    def faults(self) -> Iterator[str]:
        channels = self.convolution.channels
        if (self.in_.out, self.select.in_, self.step.out, self.o.in_) != (2 * channels, channels, channels, channels):
            yield "has an 'in', 'select', 'step' or 'o' that is not of its convolution's channels"
        if self.select.out != self.step.in_ + 2 * self.state:
            yield f"has select.out {self.select.out}, should be step.in + 2 x state"


def states_of(decay: Tensor, fresh: Tensor, state: Tensor) -> Tensor:
    """What the recurrence state = decay * state + fresh is after each token of a chunk, (batch, seq, channels, state),
    by doubling how many tokens each has summed: no factor is above 1, and so nothing overflows."""
    length = decay.shape[1]
    shift = 1
    while shift < length:
        rest = length - shift
        factor = decay.narrow(1, shift, rest)
        grown = fresh.narrow(1, shift, rest) + factor * fresh.narrow(1, 0, rest)
        fresh = torch.cat([fresh.narrow(1, 0, shift), grown], 1)
        decay = torch.cat([decay.narrow(1, 0, shift), factor * decay.narrow(1, 0, rest)], 1)
        shift *= 2
    return fresh + decay * state.unsqueeze(1)


class ChannelStateSpaceModule(PartModule):
    def __init__(self, name: str, part: str | None, space: ChannelStateSpace, store: Store) -> None:
        super().__init__(name, part)
        require_activation(name, space.activation)
        self.space = space
        self.add_module("in", LinearMap(space.in_, store))
        for role in ("select", "step", "o"):
            self.add_module(role, LinearMap(getattr(space, role), store))
        self.convolution = ConvolutionMap(space.convolution, store)
        store.parameter(self, "rate", space.rate, (space.convolution.channels, space.state))
        store.parameter(self, "skip", space.skip, (space.convolution.channels,))
        for role in ("dt_norm", "b_norm", "c_norm"):
            norm = getattr(space, role)
            self.add_module(role, NormModule(f"{name}.{role}", None, norm, store) if norm else None)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        given = recurrent_input(self.name, given, run)
        self.require_hidden_states(given, self.space.in_.in_, self.o.weight)
        if given.shape[1] == 0:
            return torch.zeros_like(given)
        memory = run.memory(self.name)
        x, gate = getattr(self, "in")(given).chunk(2, -1)
        # By a bias padding is more than zeros.
        x = activate(self.space.activation, self.convolution(run.without_padding(x), memory))
        wide = x.float()
        y = self._recurred(wide, self._selected(x, run), memory) + wide * self.skip.float()
        return self.o(y.to(given.dtype) * activate(self.space.activation, gate))

    def _recurred(self, x: Tensor, selected: tuple[Tensor, Tensor, Tensor], memory: dict[str, Tensor] | None) -> Tensor:
        rate = -self.rate.float().exp()
        state = memory.get("state") if memory is not None else None
        if state is None:
            state = x.new_zeros(x.shape[0], x.shape[2], self.space.state)
        outputs = []
        for start, length in chunks(x.shape[1]):
            x_, dt, b, c = (one.narrow(1, start, length) for one in (x, *selected))
            decay = (dt.unsqueeze(-1) * rate).exp()
            states = states_of(decay, (dt * x_).unsqueeze(-1) * b.unsqueeze(2), state)
            outputs.append((states * c.unsqueeze(2)).sum(-1))
            state = states[:, -1].clone()  # not a view: what it is a view of would stay
        if memory is not None:
            memory["state"] = state
        return torch.cat(outputs, 1)

    def _selected(self, x: Tensor, run: Pass) -> tuple[Tensor, Tensor, Tensor]:
        """dt, b and c in float32. Of padding the step is 0: it neither changes what is remembered nor makes it fade."""
        space = self.space
        parts = self.select(x).split([space.step.in_, space.state, space.state], -1)
        norms = (self.dt_norm, self.b_norm, self.c_norm)
        dt, b, c = (norm(one, run) if norm else one for one, norm in zip(parts, norms))
        return run.without_padding(functional.softplus(self.step(dt).float())), b.float(), c.float()

"""output_scale * down(norm(activation(gate_scale * gate(x)) * up(x))), or down(norm(activation(up(x)))) without a
gate."""

from __future__ import annotations

import dataclasses
from typing import Iterator

from torch import Tensor

from ..run.one_pass import Pass
from ..weights import Store
from .activation import activate, require_activation
from .linear import Linear, LinearMap
from .norm import Norm, NormModule
from .part_module import PartModule


@dataclasses.dataclass(frozen=True)
class FeedForward:
    NAME = "feed_forward"

    activation: str  # transformers' name
    up: Linear
    down: Linear
    gate: Linear | None = None
    down_norm: Norm | None = None  # of what down is given (BitNet)
    gate_scale: float | None = None  # Falcon-H1
    output_scale: float | None = None

    def faults(self) -> Iterator[str]:
        if self.gate_scale is not None and not self.gate:
            yield "has a 'gate_scale' and no 'gate'"
        if self.gate and (self.gate.in_, self.gate.out) != (self.up.in_, self.up.out):
            yield "has a 'gate' that is not of the size of 'up'"
        if self.down.in_ != self.up.out:
            yield f"has down.in {self.down.in_}, should be {self.up.out} (up.out)"


class FeedForwardModule(PartModule):
    def __init__(self, name: str, part: str | None, ffn: FeedForward, store: Store) -> None:
        super().__init__(name, part)
        require_activation(name, ffn.activation)
        self.ffn = ffn
        self.gate = LinearMap(ffn.gate, store) if ffn.gate else None
        self.up = LinearMap(ffn.up, store)
        self.down = LinearMap(ffn.down, store)
        self.down_norm = NormModule(f"{name}.down_norm", None, ffn.down_norm, store) if ffn.down_norm else None

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        """Of any leading dimensions."""
        ffn = self.ffn
        if given is None or given.shape[-1] != ffn.up.in_:
            self.require_hidden_states(given, ffn.up.in_, self.up.weight)
        if self.gate:
            gate = self.gate(given)
            gate = gate if ffn.gate_scale is None else gate * ffn.gate_scale
            inner = activate(ffn.activation, gate) * self.up(given)
        else:
            inner = activate(ffn.activation, self.up(given))
        output = self.down(self.down_norm(inner, run) if self.down_norm else inner)
        return output if ffn.output_scale is None else output * ffn.output_scale

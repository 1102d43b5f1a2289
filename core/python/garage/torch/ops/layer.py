"""Stages of branches around one stream of hidden states.

    x = after(keep * x + sum_norm(sum of scale * post_norm(op(input_scale * norm(x))))), stage after stage

Sequential is two stages of a branch, parallel one stage of two, a sandwich has post_norms, OLMo 2 a post_norm and no
norm, BERT an after, T5's decoder three stages, Gemma 4's mixtures a sum_norm.
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor

from ..blueprint import HeldPart, TensorRef
from ..run.one_pass import Pass
from ..run.padding import described
from ..weights import Store, own_name
from .part_module import PartModule, carried_to


@dataclasses.dataclass(frozen=True)
class Branch:
    op: HeldPart
    norm: HeldPart | None = None
    post_norm: HeldPart | None = None
    scale: float = 1.0
    input_scale: float = 1.0  # of what op is given (Falcon-H1)


@dataclasses.dataclass(frozen=True)
class Stage:
    branches: tuple[Branch, ...]  # of the same x; those of one norm share its result
    keep: float = 1.0
    after: HeldPart | None = None
    sum_norm: HeldPart | None = None

    def faults(self) -> Iterator[str]:
        if not self.branches:
            yield "has no 'branches'"


@dataclasses.dataclass(frozen=True)
class Layer:
    NAME = "layer"

    stages: tuple[Stage, ...]
    scale: TensorRef | None = None  # [1]: what comes out is multiplied by it (Gemma 4)

    def faults(self) -> Iterator[str]:
        if not self.stages:
            yield "has no 'stages'"


class LayerModule(PartModule):
    def __init__(self, name: str, part: str | None, layer: Layer, store: Store) -> None:
        super().__init__(name, part)
        self.layer = layer
        store.parameter(self, "scale", layer.scale, (1,))
        for stage in layer.stages:
            held = [one for branch in stage.branches for one in (branch.norm, branch.op, branch.post_norm)]
            for one in (*held, stage.sum_norm, stage.after):
                if one is not None:
                    store.add_part(self, one)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        if given is None or not given.is_floating_point():
            raise ValueError(f"{self.name}: takes hidden_states, (batch, seq, hidden), not {described(given)}")
        x = given
        for stage in self.layer.stages:
            # GPTNeoXLayer, PhiDecoderLayer: what the branches give is summed before it is added to what they were
            # given.
            total = self._run(stage.sum_norm, self._sum(stage, x, run), run)
            x = self._run(stage.after, total + _scaled(x, stage.keep), run)
        return x if self.scale is None else x * self.scale.to(x)

    def _sum(self, stage: Stage, x: Tensor, run: Pass) -> Tensor:
        total = normed = last_norm = None
        for branch in stage.branches:
            if normed is None or branch.norm is None or branch.norm != last_norm:
                normed = self._run(branch.norm, x, run)
            last_norm = branch.norm
            result = self._run(branch.op, _scaled(normed, branch.input_scale), run)
            result = _scaled(self._run(branch.post_norm, result, run), branch.scale)
            total = result if total is None else total + result
        return total

    def _run(self, part: HeldPart | None, x: Tensor, run: Pass) -> Tensor:
        """What goes on as x goes in: added to it, a result of another shape might be spread over it without a word."""
        if part is None:
            return x
        module = getattr(self, own_name(part))
        result = module(carried_to(module, x), run)
        if not isinstance(result, torch.Tensor) or result.shape != x.shape:
            shape = described(result) if isinstance(result, torch.Tensor) else type(result).__name__
            raise RuntimeError(f"{part}: gave {shape} for {described(x)}, should give the same shape")
        return result.to(x)


def _scaled(x: Tensor, scale: float) -> Tensor:
    return x if scale == 1 else x * scale

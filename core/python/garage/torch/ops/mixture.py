"""The sum of what the chosen experts make of a token, each times its weight, or of the token times it. Router and
experts are parts of their own."""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor

from ..blueprint import HeldPart
from ..errors import BlueprintError
from ..run.one_pass import Pass
from ..weights import Store
from .feed_forward import FeedForwardModule
from .linear import Linear, LinearMap
from .part_module import PartModule, carried_to
from .router import RouterModule


@dataclasses.dataclass(frozen=True)
class Mixture:
    NAME = "mixture"

    router: HeldPart
    experts: tuple[HeldPart, ...]  # in the order of the router's scores
    shared_expert: HeldPart | None = None  # every token visits it
    shared_expert_gate: Linear | None = None  # to 1, through a sigmoid
    weighs_input: bool | None = None  # expert(weight * x) (Llama 4); None: weight * expert(x)
    norm: HeldPart | None = None  # of what experts see; the router reads what comes in (Gemma 4)
    # Experts live on fewer numbers: up(sum of experts(down(x))). The shared expert sees x (Nemotron-H).
    down: Linear | None = None
    up: Linear | None = None

    def faults(self) -> Iterator[str]:
        if not self.experts:
            yield "has no 'experts'"
        if bool(self.down) != bool(self.up):
            yield "has 'down' or 'up', and not both"
        if self.shared_expert_gate and (not self.shared_expert or self.shared_expert_gate.out != 1):
            yield "has a shared_expert_gate that is not to 1, or no 'shared_expert'"


class MixtureModule(PartModule):
    def __init__(self, name: str, part: str | None, mixture: Mixture, store: Store) -> None:
        super().__init__(name, part)
        self.mixture = mixture
        self.router_name = store.add_part(self, mixture.router, RouterModule)
        self.norm_name = store.add_part(self, mixture.norm) if mixture.norm else None
        self.expert_names = [store.add_part(self, expert, FeedForwardModule) for expert in mixture.experts]
        shared = mixture.shared_expert
        self.shared_name = store.add_part(self, shared, FeedForwardModule) if shared else None
        for role in ("shared_expert_gate", "down", "up"):
            linear = getattr(mixture, role)
            self.add_module(role, LinearMap(linear, store) if linear else None)
        if len(self.expert_names) != self._router.router.scores.out:
            raise BlueprintError(f"{name}: has {len(self.expert_names)} experts, and a router of "
                                 f"{self._router.router.scores.out}")

    @property
    def _router(self) -> RouterModule:
        return getattr(self, self.router_name)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        router = self._router
        self.require_hidden_states(given, router.router.scores.in_, router.weight)
        flat = given.flatten(0, 1)
        weights, chosen = router.choose(router(flat, run))
        tokens = self._run(self.norm_name, flat, run) if self.norm_name else flat
        output = self._visited(self.down(tokens) if self.down else tokens, weights, chosen, run)
        if self.up:
            output = self.up(output)
        if self.shared_name:
            shared = self._run(self.shared_name, tokens, run)
            if self.shared_expert_gate:
                shared = torch.sigmoid(self.shared_expert_gate(tokens)) * shared
            output = output + shared
        return output.reshape(given.shape)

    def _visited(self, tokens: Tensor, weights: Tensor, chosen: Tensor, run: Pass) -> Tensor:
        """The sum of what experts make of tokens (tokens, size)."""
        output = torch.zeros_like(tokens)
        for index in chosen.unique().tolist():
            expert = self.expert_names[index]
            token, rank = torch.where(chosen == index)
            visitors, weight = tokens[token], weights[token, rank].unsqueeze(-1)
            if self.mixture.weighs_input:
                result = self._run(expert, visitors * weight, run)
            else:
                result = self._run(expert, visitors, run) * weight
            output.index_add_(0, token, result.to(output.dtype))
        return output

    def _run(self, name: str, x: Tensor, run: Pass) -> Tensor:
        """An expert may be somewhere else than its mixture."""
        part = getattr(self, name)
        return part(carried_to(part, x), run).to(x)

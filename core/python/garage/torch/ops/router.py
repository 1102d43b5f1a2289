"""Which experts a token visits, and how much each counts (transformers: MixtralTopKRouter, Qwen2MoeSparseMoeBlock,
Llama4Router, Gemma4TextRouter, Mistral4MoE, DeepseekV3MoE, GraniteMoeTopKGating, Ernie4_5_MoeTopKRouter).

scores(norm(x) * input_scale), a choice by them and the correction, and the weights of what was chosen, which the
correction leaves alone: divided by their sum, times scale, times each expert's own.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..blueprint import TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .linear import Linear, register_linear
from .norm import Norm, NormModule
from .part_module import PartModule
from .sparsemixer import sparsemix


@dataclasses.dataclass(frozen=True)
class RouterGroups:
    """Experts in groups, of which the best count. A group is as good as the sum of its `best` experts, as they are
    chosen by: DeepSeek 2 takes the best one, DeepSeek 3 the best two."""

    count: int  # divides the experts evenly
    kept: int  # groups from which experts are chosen
    best: int
    # Experts of the other groups count as 0, which is more than a corrected score below it; None: they are never
    # chosen.
    lesser_count_as_0: bool | None = None


@dataclasses.dataclass(frozen=True)
class Router:
    NAME = "router"

    scores: Linear  # to the number of experts
    # softmax: over all experts, then the best top_k; sigmoid: of each, then the best; sparsemixer: the best, then the
    # best of the rest; softmax_of_chosen: the best of the logits, then over those alone
    scoring: Literal["softmax", "sigmoid", "sparsemixer", "softmax_of_chosen"]
    top_k: int  # experts that a token visits
    renormalise: bool = False  # the chosen weights are divided by their sum
    jitter: float | None = None  # sparsemixer: how far behind the best a score may lie
    norm: Norm | None = None  # of what it reads (Gemma 4)
    input_scale: float | None = None
    groups: RouterGroups | None = None  # None: all experts are one
    scale: float | None = None  # of the weights
    expert_scale: TensorRef | None = None  # [experts]: of each one's weight
    keeps_dtype: bool | None = None  # of narrow dtypes: scores are not widened to float32; None: they are
    correction: TensorRef | None = None  # [experts]: added to the scores, or logits, for choosing alone
    sum_epsilon: float | None = None  # renormalising divides by the sum and it
    least_sum: float | None = None  # renormalising divides by no less
    softcap: float | None = None  # cap * tanh(logits / cap)
    in_float32: bool | None = None  # of narrow dtypes: what is projected is widened before; None: it is not

    def faults(self) -> Iterator[str]:
        if not 0 < self.top_k <= self.scores.out:
            yield f"picks {self.top_k} of {self.scores.out} experts"
        if not self.renormalise and (self.sum_epsilon is not None or self.least_sum is not None):
            yield "does not renormalise, and has a 'sum_epsilon' or a 'least_sum'"
        if (self.scoring == "sparsemixer") != (self.jitter is not None):
            yield "has one of scoring 'sparsemixer' and 'jitter'"
        if self.scoring == "sparsemixer":
            others = (self.groups, self.correction, self.scale, self.expert_scale, self.renormalise or None)
            if self.top_k != 2 or any(one is not None for one in others):
                yield "scores by sparsemixer, and says of its weights what that passes over"
        if self.groups and (self.groups.count <= 0 or self.scores.out % self.groups.count):
            yield f"has {self.scores.out} experts in {self.groups.count} groups, which they cannot fill evenly"
        elif self.groups and self.top_k > self.groups.kept * (self.scores.out // self.groups.count):
            yield "picks more experts than the groups that it keeps have"


def without_lesser_groups(scores: Tensor, groups: RouterGroups) -> Tensor:
    """DeepseekV3MoE.route_tokens_to_experts, Mistral4MoE: what experts are chosen by, but for groups that are not among
    the best."""
    grouped = scores.unflatten(-1, (groups.count, -1))  # (tokens, groups, experts of each)
    worth = grouped.topk(groups.best, -1).values.sum(-1)
    kept = worth.topk(groups.kept, -1).indices
    lesser = torch.ones_like(worth, dtype=torch.bool).scatter(-1, kept, False)
    return grouped.masked_fill(lesser.unsqueeze(-1), 0 if groups.lesser_count_as_0 else -math.inf).flatten(-2)


class RouterModule(PartModule):
    """Gives the scores of all experts, before any choice; what is chosen by them, the mixture asks."""

    def __init__(self, name: str, part: str | None, router: Router, store: Store) -> None:
        super().__init__(name, part)
        self.router = router
        register_linear(self, router.scores, store)
        store.parameter(self, "expert_scale", router.expert_scale, (router.scores.out,))
        store.buffer(self, "correction", router.correction, (router.scores.out,))
        self.norm = NormModule(f"{name}.norm", None, router.norm, store) if router.norm else None

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        x = self.norm(given, run) if self.norm else given
        if self.router.input_scale is not None:
            x = x * self.router.input_scale
        if not self.router.in_float32:
            return functional.linear(x, self.weight, self.bias)
        return functional.linear(x.float(), self.weight.float(), None if self.bias is None else self.bias.float())

    def choose(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """What each of the chosen is worth, in the dtype of the model, and which they are: both (tokens, top_k)."""
        router = self.router
        if router.softcap is not None:
            logits = torch.tanh(logits / router.softcap) * router.softcap
        if router.scoring == "sparsemixer":
            return sparsemix(logits, router.jitter)
        dtype = logits.dtype if router.keeps_dtype else torch.float32
        if router.scoring == "softmax_of_chosen":
            experts = self._best(logits)
            return self._weighed(torch.softmax(logits.gather(-1, experts), -1, dtype=dtype), experts)
        if router.scoring == "softmax":
            scores = torch.softmax(logits, -1, dtype=dtype)
            experts = self._best(scores)
        else:
            scores = torch.sigmoid(logits.to(dtype))
            # A sigmoid keeps the order of the logits; where it is 1 for several, they still tell.
            experts = self._best(scores if self.correction is not None or router.groups else logits)
        return self._weighed(scores.gather(-1, experts), experts)

    def _best(self, scores: Tensor) -> Tensor:
        if self.correction is not None:
            scores = scores + self.correction.to(scores.dtype)
        if self.router.groups:
            scores = without_lesser_groups(scores, self.router.groups)
        return scores.topk(self.router.top_k, -1).indices

    def _weighed(self, weights: Tensor, experts: Tensor) -> tuple[Tensor, Tensor]:
        router = self.router
        if router.renormalise:
            total = weights.sum(-1, keepdim=True)
            if router.sum_epsilon is not None:
                total = total + router.sum_epsilon
            if router.least_sum is not None:
                total = total.clamp(min=router.least_sum)
            weights = weights / total
        if router.scale is not None:
            weights = weights * router.scale
        if self.expert_scale is not None:
            weights = weights * self.expert_scale[experts]
        return weights.to(self.weight), experts

"""The best expert, then the best of the rest, each by a softmax of its own (transformers: sparsemixer of
modeling_phimoe.py, as it is when nothing is trained)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _mix_one(scores: Tensor, original: Tensor, jitter: float) -> tuple[Tensor, Tensor]:
    """The best expert of scores, and its weight among those that are not masked: too far below the best, measured
    against the scores' own size."""
    best, expert = scores.max(-1, keepdim=True)
    size = torch.maximum(original.abs(), best)
    too_far = (best - original) / size > 2 * jitter
    return torch.softmax(scores.masked_fill(too_far, -math.inf), -1).gather(-1, expert), expert


def sparsemix(logits: Tensor, jitter: float) -> tuple[Tensor, Tensor]:
    """Weights and experts of each token, (tokens, 2)."""
    first_weight, first = _mix_one(logits, logits, jitter)
    rest = logits.scatter(-1, first, -math.inf)
    second_weight, second = _mix_one(rest, logits, jitter)
    return torch.cat([first_weight, second_weight], -1), torch.cat([first, second], -1)

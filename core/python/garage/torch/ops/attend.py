"""Who looks at whom: scores, what hides them, softmax, and the values that they weigh.

transformers' eager_attention_forward: softmax in float32, a soft cap before the mask (Gemma 2).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Iterator

import torch
from torch import Tensor

from ..run.one_pass import Pass
from ..run.padding import described
from .position import PositionMap


@dataclasses.dataclass(frozen=True)
class Mask:
    """Which keys a token sees."""

    causal: bool = True  # False: those after it, too
    window: int | None = None  # so many positions, itself included (on both sides); None: all
    chunk: int | None = None  # those of its own chunk of so many positions (Llama 4); None: all
    # So many positions are computed and no more: of longer sequences the model sees blocks, some of them by chance
    # (BigBird), which is refused; None: any number.
    longest: int | None = None

    def faults(self) -> Iterator[str]:
        for member in ("window", "chunk", "longest"):
            if getattr(self, member) is not None and getattr(self, member) <= 0:
                yield f"has {member} {getattr(self, member)}, should be above 0"


@dataclasses.dataclass
class Keys:
    """What is looked at: this pass's keys, and those of passes before it."""

    keys: Tensor  # (batch, kv_heads, keys, qk_dim)
    values: Tensor  # (batch, kv_heads, keys, v_dim)
    positions: Tensor | None = None  # (batch or 1, keys)
    hidden: Tensor | None = None  # (batch, 1, 1, keys): those that are padding; None: none is


def hidden_scores(mask: Mask, positions: Tensor, key_positions: Tensor) -> Tensor | None:
    """(batch or 1, 1, seq, keys): of positions that come later, or lie outside the window, which is on both sides where
    attention looks both ways, or in another chunk. None: nothing is hidden."""
    distance = positions.unsqueeze(-1) - key_positions.unsqueeze(-2)
    hidden = distance < 0 if mask.causal else None
    if mask.window is not None:
        hidden = _either(hidden, distance.abs() >= mask.window)
    if mask.chunk is not None:
        of_query = torch.div(positions, mask.chunk, rounding_mode="floor")
        of_key = torch.div(key_positions, mask.chunk, rounding_mode="floor")
        hidden = _either(hidden, of_query.unsqueeze(-1) != of_key.unsqueeze(-2))
    return None if hidden is None else hidden.unsqueeze(1)


def attend(scale: float, softcap: float | None, mask: Mask, position: PositionMap, q: Tensor, seen: Keys,
           run: Pass) -> Tensor:
    """q (batch, heads, seq, qk_dim) in, (batch, heads, seq, v_dim) out. The caller's mask stands for the
    attention's."""
    positions = run.position_ids(q.device)
    added = position.bias(positions, seen.positions)
    added = None if added is None else added.to(q.dtype)
    if run.said.mask is not None:
        given = run.said.mask.to(q)
        if given.shape[2:] != (q.shape[2], seen.keys.shape[2]):
            wanted = f"{q.shape[2]} queries and {seen.keys.shape[2]} keys"
            raise ValueError(f"mask should be of {wanted}, is {described(given)}")
        added = given if added is None else given + added
        hidden = seen.hidden
    else:
        key = (mask, q.device, seen.keys.shape[2], id(seen.positions))
        own = run.made_once(key, lambda: (hidden_scores(mask, positions, seen.positions), seen.positions))[0]
        hidden = own if seen.hidden is None else _either(own, seen.hidden)
    return _weighed(scale, softcap, q, seen, added, hidden)


def attend_memory(scale: float, softcap: float | None, q: Tensor, seen: Keys) -> Tensor:
    """Of an encoder's output: every query sees all of it but padding."""
    return _weighed(scale, softcap, q, seen, None, seen.hidden)


def _weighed(scale: float, softcap: float | None, q: Tensor, seen: Keys, added: Tensor | None,
             hidden: Tensor | None) -> Tensor:
    groups = q.shape[1] // seen.keys.shape[1]
    keys, values = seen.keys, seen.values
    if groups > 1:
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
    scores = torch.matmul(q, keys.transpose(2, 3)) * scale  # (batch, heads, seq, keys)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if added is not None:
        scores = scores + added
    if hidden is not None:
        scores = scores.masked_fill(_seeing_something(hidden), -math.inf)
    return torch.matmul(torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype), values)


def _either(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one | other


def _seeing_something(hidden: Tensor) -> Tensor:
    """A query that sees nothing, since it is padding itself, sees all: what it gives nobody reads, and it is a
    number."""
    return hidden & ~hidden.all(-1, keepdim=True)

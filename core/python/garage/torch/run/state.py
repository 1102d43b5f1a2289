"""What parts remember of one batch of sequences: an attention its keys and values, a state space its state."""

from __future__ import annotations

import copy

import torch


class State:
    """Decodes piece by piece: the same state with each next piece.

        state = State()
        logits = model(prompt, state=state)
        logits = model(next_ids, state=state)

    One state goes with one model, or with parts of it that are each asked in turn for the same positions: what a part
    shows to those after it (keys and values that others look at) is then found there. A pass that fails once a part has
    remembered something leaves a state that no pass takes. `copy()` is a state of its own.
    """

    def __init__(self) -> None:
        self.memories: dict[str, dict[str, torch.Tensor]] = {}  # by part, then by names of its own
        self.lengths: dict[str, int] = {}  # by the part that was asked: a caller may run layer after layer
        self.batch: int | None = None
        self.is_torn = False  # a pass wrote into it and has not ended

    def __len__(self) -> int:
        """Positions of the passes that ended."""
        return max(self.lengths.values(), default=0)

    def copy(self) -> "State":
        """Parts put new tensors in place of those that they remembered; they never write into one."""
        other = copy.copy(self)
        other.memories = {part: dict(memory) for part, memory in self.memories.items()}
        other.lengths = dict(self.lengths)
        return other

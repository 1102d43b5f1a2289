"""What an attention remembers of a sequence: keys, values and where they stand."""

from __future__ import annotations

import torch
from torch import Tensor

from ..run.one_pass import Pass
from .attend import Keys


def remember(part: str, memory: dict[str, Tensor], fresh: Keys, run: Pass) -> Keys:
    """Adds this pass's to what was seen before, and answers all of it."""
    held = memory["keys"].shape[2] if "keys" in memory else 0
    if held != run.seen:
        raise ValueError(f"{part}: the state holds keys of {held} positions, and this pass comes after {run.seen}: one "
                         "state goes with the whole model, or with each part by itself")
    everything = fresh
    if held:
        rows = max(memory["position_ids"].shape[0], fresh.positions.shape[0])
        ids = [x.expand(rows, -1) for x in (memory["position_ids"], fresh.positions)]
        everything = Keys(torch.cat([memory["keys"], fresh.keys], 2), torch.cat([memory["values"], fresh.values], 2),
                          torch.cat(ids, 1))
    show(memory, everything)
    return everything


def show(memory: dict[str, Tensor], keys: Keys) -> None:
    """For those that run later in the pass."""
    memory["keys"], memory["values"], memory["position_ids"] = keys.keys, keys.values, keys.positions


def kept_in(memory: dict[str, Tensor]) -> Keys | None:
    """All that is there, of a pass that the attention has run in."""
    return Keys(memory["keys"], memory["values"], memory["position_ids"]) if "keys" in memory else None

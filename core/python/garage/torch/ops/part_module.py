"""PartModule: a part that runs.

Every module computes what transformers computes for the same weights, in the same order of casts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..run.one_pass import Pass
from ..run.padding import described
from ..run.sequence import sequence_of


class PartModule(nn.Module):
    """A part of a model, or what one is made of: an nn.Module whose parameters bear the roles' names.

    `module(x, position_ids=..., ...)` runs it by itself; x is hidden states (batch, seq, hidden), or ids (batch, seq)
    of int64 where the part takes ids. They may be given by name, too: `hidden_states=`, `input_ids=`. What else may be
    said is in run/sequence.py. A part that runs another hands it its own Pass as the second argument: so a hook on any
    part sees `(x, pass)`.
    """

    takes_no_input = False  # whether x may be absent, where the caller gives what follows from it
    has_decoder = False  # whether it reads ids for a decoder

    def __init__(self, name: str, part: str | None = None) -> None:
        """name: for messages; part: its name in the spec, None for what a part is made of."""
        super().__init__()
        self.name = name
        self.part = part

    def forward(self, given: Tensor | None = None, run: Pass | None = None, **said: Any) -> Tensor:
        if isinstance(run, Pass):
            return self.compute(given, run)
        if run is not None:
            raise TypeError(f"{self.name}: what goes beside its input is said by name, attention_mask=...")
        given = self._given(given, said)
        run = Pass(self.name, given, self._said(said))
        output = self.compute(given, run)
        run.end()
        return output

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return self.part or ""

    def _given(self, given: Tensor | None, said: dict[str, Any]) -> Tensor | None:
        all_given = [given, said.pop("hidden_states", None), said.pop("input_ids", None)]
        some = [one for one in all_given if one is not None]
        is_encoded = self.takes_no_input and said.get("encoder_hidden_states") is not None
        if len(some) > 1 or (not some and not is_encoded and not self._remembers(said)):
            raise ValueError(f"{self.name}: should be given hidden states or ids once, is {len(some)} times")
        if some and not isinstance(some[0], Tensor):
            raise TypeError(f"{self.name}: should be given a Tensor, is {type(some[0]).__name__}")
        return some[0] if some else None

    def _remembers(self, said: dict[str, Any]) -> bool:
        state = said.get("state")
        return self.takes_no_input and state is not None and bool(state.memories.get(self.name))

    def _said(self, said: dict[str, Any]) -> Any:
        sequence = sequence_of(self.name, said)
        for name in ("decoder_input_ids", "decoder_attention_mask"):
            if getattr(sequence, name) is not None and not self.has_decoder:
                raise ValueError(f"{self.name}: '{name}' is what a whole encoder-decoder reads and no part of one: "
                                 "give a decoder its ids as its input")
        return sequence

    def require_hidden_states(self, x: Tensor | None, size: int, like: Tensor) -> None:
        """Raises unless x is (batch, seq, size) of like's dtype and on its device."""
        if x is None or x.dim() != 3 or x.shape[2] != size or x.dtype != like.dtype or x.device != like.device:
            dtype = str(like.dtype).replace("torch.", "")
            raise ValueError(f"{self.name}: hidden_states should be (batch, seq, {size}) of {dtype} on {like.device}, "
                             f"are {described(x)}")


def require_ids(part: str, ids: Tensor | None) -> None:
    if ids is None or ids.dim() != 2 or ids.dtype != torch.int64:
        raise ValueError(f"{part}: ids should be (batch, seq) of int64, are {described(ids)}")


def carried_to(part: nn.Module, x: Tensor) -> Tensor:
    """x where the part is, in its dtype, as its first parameter says: the parts of one model need not be in one
    place."""
    home = next(part.parameters(), None)
    if home is None:
        return x
    return x.to(home) if x.is_floating_point() else x.to(home.device)

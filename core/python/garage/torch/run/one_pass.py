"""Pass: one forward through a part and all parts in it. The part that the caller asks makes it; those within get it."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import torch
from torch import Tensor

from .padding import described, require_mask
from .sequence import Sequence


class Pass:
    def __init__(self, asked: str, given: Tensor | None, sequence: Sequence) -> None:
        """given: what the part named asked is given, ids (batch, seq) or hidden states (batch, seq, hidden)."""
        self.asked = asked
        self.said = dataclasses.replace(sequence)
        self.seen = 0  # positions before this pass; not yet its own
        self.batch = self.seq = 0
        self._position_ids: Tensor | None = None
        self._shown: dict[str, dict[str, Tensor]] = {}  # where there is no state
        self._made: dict[Any, Any] = {}
        state = self.said.state
        if state is not None:
            if state.is_torn:
                raise ValueError(f"{asked}: a pass that failed left the state half written; begin with a new one")
            self.seen = state.lengths.get(asked, 0)
        given = self.said.decoder_input_ids if self.said.decoder_input_ids is not None else given
        if given is None or given.dim() < 2:
            return  # whoever reads it says so
        self.batch, self.seq = given.shape[:2]
        told = self.said.position_ids
        if told is not None and tuple(told.shape) not in ((self.batch, self.seq), (1, self.seq)):
            raise ValueError(f"{asked}: position_ids should be ({self.batch} or 1, {self.seq}), are {described(told)}")
        self._position_ids = self.counted_positions(given.device) if told is None else told.to(given.device)

    def position_ids(self, device: torch.device) -> Tensor | None:
        """(batch or 1, seq), as the caller said or counted; None where the input has no positions."""
        return None if self._position_ids is None else self._position_ids.to(device)

    @property
    def is_told_positions(self) -> bool:
        return self.said.position_ids is not None

    def counted_positions(self, device: torch.device) -> Tensor:
        """(batch or 1, seq): how many tokens came before each, whatever positions the caller says; padding is none of
        them. No encoder-decoder leaves padding out (BartModel)."""
        mask = self.said.attention_mask
        if mask is None or self.said.decoder_input_ids is not None:
            return torch.arange(self.seen, self.seen + self.seq, device=device).unsqueeze(0)
        require_mask(self.asked, mask, self.batch, self.seen + self.seq)
        before = ((mask != 0).long().cumsum(1) - 1).clamp(min=0)
        return before.narrow(1, self.seen, self.seq).to(device)

    def without_padding(self, x: Tensor) -> Tensor:
        """x (batch, seq, ...) with zeros where padding stands: what sums over positions reads it so."""
        mask = self.said.attention_mask
        if mask is None:
            return x
        require_mask(self.asked, mask, x.shape[0], self.seen + x.shape[1])
        padding = (mask == 0).narrow(1, self.seen, x.shape[1]).to(x.device)
        return x.masked_fill(padding.unsqueeze(-1), 0)

    def hide(self, padding: Tensor | None) -> None:
        """Positions stay as they were counted."""
        self.said.attention_mask = padding

    def look_at(self, encoder_hidden_states: Tensor, mask: Tensor | None) -> None:
        """From now on the pass is its decoder's, which looks at what the encoder gave of the tokens that count."""
        self.said.encoder_hidden_states = encoder_hidden_states
        self.said.encoder_attention_mask = mask
        self.said.attention_mask = self.said.decoder_attention_mask

    @property
    def keeps_state(self) -> bool:
        return self.said.state is not None

    def memory(self, part: str) -> dict[str, Tensor] | None:
        """What the part keeps for the next pass, to be read and written; None where the caller keeps no state."""
        state = self.said.state
        if state is None:
            return None
        if state.batch not in (None, self.batch):
            raise ValueError(f"{part}: the state holds a batch of {state.batch}, the input is one of {self.batch}")
        state.batch = self.batch
        state.is_torn = True
        return state.memories.setdefault(part, {})

    def shown(self, part: str) -> dict[str, Tensor]:
        """What the part shows to those that run after it in this pass; with a state it is what memory(part) is."""
        remembered = self.memory(part)
        return self._shown.setdefault(part, {}) if remembered is None else remembered

    def made_once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What layers share in a pass: made when the first of them asks."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def end(self) -> None:
        """Every part has run: the state has seen this pass's positions."""
        state = self.said.state
        if state is not None:
            state.lengths[self.asked] = self.seen + self.seq
            state.is_torn = False

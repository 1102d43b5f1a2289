"""What a caller says of the tokens beside ids or hidden states."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from .padding import described
from .state import State

_IDS = ("position_ids", "token_type_ids", "task_type_ids", "decoder_input_ids")


@dataclasses.dataclass
class Sequence:
    """Keyword arguments of every part's forward, under the names that an input file of `garage run` gives them."""

    # (batch, seq) int64; None: 0, 1, 2, ... for every row, or on from the state's. What attention_mask says is padding
    # is then passed over, on whichever side it lies, as transformers' generate counts.
    position_ids: torch.Tensor | None = None
    # Which tokens count, as tokenisers say it: (batch, seen + seq) int64 or bool, 0 for padding; None: all of them.
    attention_mask: torch.Tensor | None = None
    # Added to the scores, (batch or 1, 1 or heads, seq, seen + seq); None: the part's own.
    mask: torch.Tensor | None = None
    # (batch, seq) int64, of models that have embeddings of them; None: 0 for every token.
    token_type_ids: torch.Tensor | None = None
    task_type_ids: torch.Tensor | None = None
    # Of an encoder-decoder: ids (batch, seq) for its decoder, to which positions count, and which of them count.
    decoder_input_ids: torch.Tensor | None = None
    decoder_attention_mask: torch.Tensor | None = None
    # (batch, tokens, hidden) for attentions that look at an encoder's, and which of them count. Of an encoder-decoder
    # None: its encoder runs.
    encoder_hidden_states: torch.Tensor | None = None
    encoder_attention_mask: torch.Tensor | None = None
    # What parts remember from piece to piece; None: each call stands alone.
    state: State | None = None


def sequence_of(part: str, said: dict[str, Any]) -> Sequence:
    """Raises TypeError for a keyword that no part reads."""
    known = [field.name for field in dataclasses.fields(Sequence)]
    for name, value in said.items():
        if name not in known:
            raise TypeError(f"{part}: no argument is called '{name}'; there are {', '.join(known)}")
        wanted = State if name == "state" else torch.Tensor
        if value is not None and not isinstance(value, wanted):
            raise TypeError(f"{part}: {name} should be a {wanted.__name__}, is {type(value).__name__}")
        if name in _IDS and value is not None and (value.dim() != 2 or value.dtype != torch.int64):
            raise ValueError(f"{part}: {name} should be (batch, seq) of int64, are {described(value)}")
        if name == "mask" and value is not None and (value.dim() != 4 or not value.is_floating_point()):
            raise ValueError(f"{part}: mask is added to the scores, and should be (batch or 1, 1 or heads, seq, keys) "
                             f"of floating point, is {described(value)}; which tokens count is said by attention_mask")
    return Sequence(**said)

"""Masks of tokens: which of them are padding."""

from __future__ import annotations

import torch
from torch import Tensor


def described(x: Tensor | None) -> str:
    """"[1, 3, 32] of float32 on cpu", for messages."""
    if x is None:
        return "nothing"
    return f"{list(x.shape)} of {str(x.dtype).replace('torch.', '')} on {x.device}"


def require_mask(part: str, mask: Tensor, batch: int, tokens: int) -> None:
    if mask.dim() == 2 and tuple(mask.shape) == (batch, tokens) and mask.dtype in (torch.int64, torch.bool):
        return
    raise ValueError(f"{part}: a mask of padding should be ({batch}, {tokens}) of int64 or bool, is {described(mask)}")


def hidden_padding(part: str, mask: Tensor | None, batch: int, keys: int, device: torch.device) -> Tensor | None:
    """Which keys are padding, (batch, 1, 1, keys); None where nobody says."""
    if mask is None:
        return None
    require_mask(part, mask, batch, keys)
    return (mask == 0).to(device).unsqueeze(1).unsqueeze(1)

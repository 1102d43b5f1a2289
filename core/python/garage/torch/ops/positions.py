"""The one list of ways in which an attention knows positions."""

from __future__ import annotations

from typing import Union

from torch import nn

from ..weights import Store
from .alibi import Alibi, AlibiPosition
from .position import PositionMap
from .relative_bias import RelativeBias, RelativeBiasPosition
from .rope import Rope, RopePosition

# In a document {"rope": {...}}, or nothing: the attention does not know.
Position = Union[Rope, Alibi, RelativeBias, None]


def make_position(name: str, position: Position, heads: int, owner: nn.Module, store: Store) -> PositionMap:
    """Tensors that it has become the owner's parameters."""
    if isinstance(position, Rope):
        return RopePosition(name, position, owner, store)
    if isinstance(position, Alibi):
        return AlibiPosition(position, heads)
    if isinstance(position, RelativeBias):
        return RelativeBiasPosition(position, owner, store)
    return PositionMap()

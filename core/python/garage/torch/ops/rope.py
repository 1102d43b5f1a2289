"""Rotary position embedding (arXiv:2104.09864); transformers' apply_rotary_pos_emb."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..blueprint import OtherPart, TensorRef
from ..errors import Unsupported
from ..run.one_pass import Pass
from ..run.padding import described
from ..weights import Store
from .part_module import PartModule
from .position import PositionMap
from .rope_scaling import RopeScaling, frequencies


@dataclasses.dataclass(frozen=True)
class Rope:
    """dims dimensions of every head are turned: its first."""

    NAME = "rope"

    dims: int  # even
    pairing: Literal["half", "interleaved"]  # dimension i with i + dims/2 (rotate_half), or 2i with 2i + 1
    theta: float = 0.0  # above 0, where there is no table
    scaling: RopeScaling = RopeScaling("none")
    in_float32: bool | None = None  # of narrow dtypes: whether heads turn in float32 (Llama 4); None: no
    first: int | None = None  # of the dimensions that turn (latent attention); None: the head's own
    one_speed: bool | None = None  # all pairs turn by the one frequency of a rope of two dimensions; None: no
    backwards: bool | None = None  # by the angles' negatives (NanoChat); None: no

    # In place of frequencies: of every position the sines of its angles, then their cosines (RoFormer).
    table: TensorRef | None = None  # [table_rows, dims]
    table_rows: int | None = None
    tied_to: OtherPart | None = None  # the attention whose table it is; None: its own

    def faults(self) -> Iterator[str]:
        if self.dims <= 0 or self.dims % 2:
            yield f"has dims {self.dims}, should be even and above 0"
        if self.table and (self.theta or self.one_speed or self.backwards or self.scaling.kind != "none"):
            yield "has a 'table', and frequencies beside it"
        if bool(self.table) != (self.table_rows is not None):
            yield "has one of 'table' and 'table_rows'"
        if not self.table and not self.theta > 0:
            yield f"has theta {self.theta}, should be above 0"
        if self.scaling.kind == "longrope":
            if self.one_speed:
                yield "turns all pairs by one frequency, and has factors for each"
            if {len(self.scaling.short_factor), len(self.scaling.long_factor)} != {self.dims // 2}:
                yield f"has not {self.dims // 2} numbers in short_factor and long_factor"


def spread(rope: Rope, pairs: Tensor) -> Tensor:
    """A number of each pair as one of each dimension."""
    return torch.cat([pairs, pairs], -1) if rope.pairing == "half" else pairs.repeat_interleave(2, -1)


def rotate(x: Tensor, rope: Rope) -> Tensor:
    if rope.pairing == "half":
        first, second = x.chunk(2, -1)
        return torch.cat([-second, first], -1)
    pairs = x.unflatten(-1, (-1, 2))
    return torch.stack([-pairs[..., 1], pairs[..., 0]], -1).flatten(-2)


def rope_table(rope: Rope, position_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (batch or 1, seq, dims), float32, times the attention factor."""
    by_length = rope.scaling.turns_by_length() and position_ids.numel() > 0
    length = int(position_ids.max()) + 1 if by_length else 0
    # One speed of all pairs is that of a rope of two dimensions.
    speeds = frequencies(rope.theta, 2 if rope.one_speed else rope.dims, rope.scaling, length).expand(rope.dims // 2)
    angles = spread(rope, position_ids.float().unsqueeze(-1) * speeds.to(position_ids.device))
    factor = rope.scaling.factor_of_table(length)
    return angles.cos() * factor, angles.sin() * (-factor if rope.backwards else factor)


def turned(rope: Rope, table: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """x (batch, heads, seq, head_dim), whose dimensions of the rope are turned."""
    cos, sin = table
    first = rope.first or 0
    before, middle, after = x.split([first, rope.dims, x.shape[-1] - first - rope.dims], -1)
    result = (middle * cos + rotate(middle, rope) * sin).to(x.dtype)  # float32 in the product where the table is
    return result if rope.dims == x.shape[-1] else torch.cat([before, result, after], -1)


class RopePosition(PositionMap):
    """Its parameter, of a rope that has one, is the attention's "rope_table"."""

    def __init__(self, name: str, rope: Rope, owner: nn.Module, store: Store) -> None:
        self.name = name
        self.rope = rope
        self.owner = owner
        if rope.table:
            store.parameter(owner, "rope_table", rope.table, (rope.table_rows, rope.dims))

    def turn(self, q: Tensor, k: Tensor | None, run: Pass) -> tuple[Tensor, Tensor | None]:
        dtype = torch.float32 if self.rope.in_float32 else q.dtype
        same = dataclasses.replace(self.rope, tied_to=None)  # whose table it is says nothing of what is in it
        cos, sin = run.made_once((same, q.device), lambda: self._table(run.position_ids(q.device)))
        table = cos.unsqueeze(1).to(dtype), sin.unsqueeze(1).to(dtype)
        return turned(self.rope, table, q), None if k is None else turned(self.rope, table, k)

    def _table(self, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        if not self.rope.table:
            return rope_table(self.rope, position_ids)
        # RoFormerSelfAttention.apply_rotary_position_embeddings: a row has the sines of all pairs, then their cosines.
        if position_ids.numel() and int(position_ids.max()) >= self.rope.table_rows:
            raise ValueError(f"{self.name}: position {int(position_ids.max())} is outside the rope's table of "
                             f"{self.rope.table_rows} positions")
        sin, cos = functional.embedding(position_ids, self.owner.rope_table).chunk(2, -1)
        return spread(self.rope, cos), spread(self.rope, sin)


class RopeModule(PartModule):
    """position_ids (batch, seq) in, its table out: (2, batch, seq, dims), cosines first."""

    def __init__(self, name: str, part: str | None, rope: Rope, store: Store) -> None:
        super().__init__(name, part)
        if rope.table:
            raise Unsupported(f"{name}: a rope whose table is in the file is an attention's alone")
        self.rope = rope

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        if given is None or given.dim() != 2 or given.is_floating_point():
            raise ValueError(f"{self.name}: takes position_ids (batch, seq) of int64, not {described(given)}")
        return torch.stack(rope_table(self.rope, given))

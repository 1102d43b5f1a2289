"""weight[index + offset] * scale"""

from __future__ import annotations

import dataclasses
from typing import Iterator, Literal

import torch
from torch import Tensor
from torch.nn import functional

from ..blueprint import OtherPart, TensorRef
from ..run.one_pass import Pass
from ..weights import Store
from .part_module import PartModule, require_ids

# types: of which of two texts a token is (BERT), 0 where the caller does not say; tasks: which task a text is for
# (ERNIE)
IndexedBy = Literal["tokens", "positions", "types", "tasks"]


@dataclasses.dataclass(frozen=True)
class Embedding:
    NAME = "embedding"

    rows: int
    size: int
    weight: TensorRef  # [rows, size]
    indexed_by: IndexedBy
    scale: float = 1.0  # rounded to the weight's dtype before it multiplies
    offset: int | None = None  # the row of index 0, from 1 (OPT's positions: 2); None: the first
    # Of positions: the token that is passed over when they are counted, and has the row before the offset (RoBERTa).
    # None: none, and they are counted whatever the tokens are.
    padding_id: int | None = None
    tied_to: OtherPart | None = None  # the embedding whose weight it is (a decoder's: its encoder's)
    keeps_scale: bool | None = None  # of narrow dtypes: the scale multiplies as it is, not rounded (BART); None: it is

    def faults(self) -> Iterator[str]:
        if self.padding_id is not None and (self.indexed_by != "positions" or not self.offset):
            yield "has a padding_id, and is not indexed by positions from an 'offset' on"
        if self.offset is not None and not 0 < self.offset < self.rows:
            yield f"begins at row {self.offset} of {self.rows}"


class EmbeddingModule(PartModule):
    """ids (batch, seq) in, (batch, seq, size) out. Rows that ids can mean are counted from its offset."""

    def __init__(self, name: str, part: str | None, embedding: Embedding, store: Store) -> None:
        super().__init__(name, part)
        self.embedding = embedding
        store.parameter(self, "weight", embedding.weight, (embedding.rows, embedding.size))

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        said = self.embedding
        require_ids(self.name, given)
        offset = said.offset or 0
        self._require_rows(given, said.rows - offset)
        rows = functional.embedding(given + offset if offset else given, self.weight)
        if said.scale == 1:
            return rows
        # GemmaTextScaledWordEmbedding: the factor is of the weight's dtype before it multiplies; not so
        # BartScaledWordEmbedding's.
        scale = said.scale if said.keeps_scale else torch.tensor(said.scale, dtype=self.weight.dtype).item()
        return rows * scale

    def _require_rows(self, ids: Tensor, count: int) -> None:
        if ids.numel() == 0:
            return
        first = 0 if self.embedding.padding_id is None else -1  # that of padding
        lowest, highest = int(ids.min()), int(ids.max())
        if lowest < first or highest >= count:
            wrong = lowest if lowest < first else highest
            raise ValueError(f"{self.name}: id {wrong} is outside its {count} rows (0 to {count - 1})")

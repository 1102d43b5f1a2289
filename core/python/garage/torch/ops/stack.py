"""Parts that run one after another on one hidden size: a decoder, an encoder, a vision tower, a whole model."""

from __future__ import annotations

import dataclasses
from typing import Iterator

import torch
from torch import Tensor

from ..blueprint import HeldPart
from ..errors import Unsupported
from ..run.one_pass import Pass
from ..run.padding import described
from ..weights import Store
from .embedding import EmbeddingModule
from .part_module import PartModule, carried_to
from .sinusoidal_embedding import SinusoidalEmbeddingModule


@dataclasses.dataclass(frozen=True)
class Stack:
    NAME = "stack"

    hidden: int  # numbers per position that go into its parts
    embeddings: tuple[HeldPart, ...] = ()  # their sum goes in; none: hidden states do
    parts: tuple[HeldPart, ...] = ()  # a layer may recur (ALBERT)

    def faults(self) -> Iterator[str]:
        if not self.parts and not self.embeddings:
            yield "has no 'parts'"


@dataclasses.dataclass(frozen=True)
class Index:
    """What an embedding's rows are chosen by."""

    by: str = "tokens"
    padding_id: int | None = None  # of positions that are counted by the tokens


def index_of(module: PartModule) -> Index:
    if isinstance(module, EmbeddingModule):
        return Index(module.embedding.indexed_by, module.embedding.padding_id)
    if isinstance(module, SinusoidalEmbeddingModule):
        return Index("positions", module.embedding.padding_id)
    return Index()


def counted_positions(ids: Tensor, padding_id: int, run: Pass) -> Tensor:
    """create_position_ids_from_input_ids of modeling_roberta.py, from 0 on: how many tokens came before that are not
    padding, by their ids or as the caller says; of padding itself -1."""
    counts = ids != padding_id
    before: Tensor | int = run.seen
    if run.said.attention_mask is not None:
        everything = (run.said.attention_mask != 0).to(ids.device)
        counts = counts & everything.narrow(1, run.seen, ids.shape[1])
        before = everything.narrow(1, 0, run.seen).sum(1, keepdim=True)
    return (counts.long().cumsum(1) + before) * counts - 1


class StackModule(PartModule):
    """Ids in where it has embeddings, else hidden states."""

    def __init__(self, name: str, part: str | None, stack: Stack, store: Store) -> None:
        super().__init__(name, part)
        self.embedding_names = [store.add_part(self, embedding) for embedding in stack.embeddings]
        self.step_names = [store.add_part(self, step) for step in stack.parts]
        everything = (*stack.embeddings, *stack.parts)
        self.recurs = len(set(everything)) < len(everything)
        self.indices = {name: index_of(getattr(self, name)) for name in self.embedding_names}
        # What is computed joins what has weights, and so a dtype.
        self.embedding_names.sort(key=lambda name: next(getattr(self, name).parameters(), None) is None)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        if self.recurs and run.keeps_state:
            raise Unsupported(f"{self.name}: runs a part again, which has one memory: it is not run piece by piece")
        x = self._embedded(given, run) if self.embedding_names else given
        if x is None:
            raise ValueError(f"{self.name}: takes hidden_states or ids, not nothing")
        for name in self.step_names:
            step = getattr(self, name)
            x = step(carried_to(step, x), run)
        return x

    def _embedded(self, ids: Tensor, run: Pass) -> Tensor:
        self._require_read("types", run.said.token_type_ids, "token_type_ids")
        self._require_read("tasks", run.said.task_type_ids, "task_type_ids")
        total = None
        for name in self.embedding_names:
            embedding = getattr(self, name)
            rows = embedding(carried_to(embedding, self._index(self.indices[name], ids, run)), run)
            total = rows if total is None else total + rows.to(total)
        return total

    def _index(self, index: Index, ids: Tensor, run: Pass) -> Tensor:
        if index.by == "tokens":
            return ids
        if index.by == "types":
            return self._or_zeros(run.said.token_type_ids, "token_type_ids", ids)
        if index.by == "tasks":
            return self._or_zeros(run.said.task_type_ids, "task_type_ids", ids)
        if index.padding_id is not None and not run.is_told_positions:
            return counted_positions(ids, index.padding_id, run)
        return run.position_ids(ids.device)

    def _or_zeros(self, given: Tensor | None, what: str, ids: Tensor) -> Tensor:
        """Of a kind that the caller may leave out: 0 for every token."""
        if given is None:
            return torch.zeros_like(ids)
        if given.shape != ids.shape:
            raise ValueError(f"{self.name}: {what} should be as the ids, {described(ids)}, are {described(given)}")
        return given.to(ids.device)

    def _require_read(self, by: str, given: Tensor | None, what: str) -> None:
        """What a caller says of tokens and nothing here reads would be lost without a word."""
        if given is not None and all(index.by != by for index in self.indices.values()):
            raise ValueError(f"{self.name}: has no embedding that {what} could choose from")

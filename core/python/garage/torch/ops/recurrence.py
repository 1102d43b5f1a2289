"""What all parts share that go through a sequence token by token."""

from __future__ import annotations

from typing import Iterator

from torch import Tensor

from ..errors import Unsupported
from ..run.one_pass import Pass

CHUNK = 64  # tokens that are computed at once


def recurrent_input(part: str, given: Tensor, run: Pass) -> Tensor:
    """What such a part is given, with zeros where padding stands."""
    if run.said.mask is not None:
        raise Unsupported(f"{part}: a mask of scores does not say which tokens are padding, and padding would count "
                          "here; give an attention_mask")
    return run.without_padding(given) if given is not None and given.dim() == 3 else given


def chunks(seq: int) -> Iterator[tuple[int, int]]:
    """Where each begins, and how many tokens it has."""
    for start in range(0, seq, CHUNK):
        yield start, min(CHUNK, seq - start)

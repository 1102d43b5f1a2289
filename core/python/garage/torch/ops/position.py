"""How an attention lets positions tell: by turning queries and keys (rope), by what it adds to the scores, or not at
all."""

from __future__ import annotations

from torch import Tensor

from ..run.one_pass import Pass


class PositionMap:
    """Not at all; the base of the others. It is no module: what it reads are parameters of its attention."""

    def turn(self, q: Tensor, k: Tensor | None, run: Pass) -> tuple[Tensor, Tensor | None]:
        """q (batch, heads, seq, head_dim) and k (batch, kv_heads, seq, head_dim) of the pass's own positions; k is
        turned before it is remembered. k is None where an attention looks at another's."""
        return q, k

    def bias(self, positions: Tensor, key_positions: Tensor) -> Tensor | None:
        """What is added to the scores, (batch or 1, heads or 1, seq, keys), of queries and keys at these positions,
        (batch or 1, seq) and (batch or 1, keys); None: nothing."""
        return None

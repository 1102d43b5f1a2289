"""The module of an attention: projections and norms, positions, what was seen before, and attend."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import Unsupported
from ..run.one_pass import Pass
from ..run.padding import described, hidden_padding
from ..weights import Store
from .attend import Keys, attend, attend_memory
from .attention_blueprint import Attention, QueryScale
from .head_norms import HeadNormsMap
from .kept_keys import kept_in, remember, show
from .latent import LatentMap
from .linear import LinearMap
from .norm import Norm, NormModule
from .part_module import PartModule
from .positions import make_position
from .projection import input_of, make_projection


class AttentionModule(PartModule):
    def __init__(self, name: str, part: str | None, attention: Attention, store: Store) -> None:
        super().__init__(name, part)
        self.attention = said = attention
        self.q = make_projection(f"{name}.q", said.q, store)
        self.k = make_projection(f"{name}.k", said.k, store) if said.k else None
        self.v = make_projection(f"{name}.v", said.v, store) if said.v else None
        self.latent = LatentMap(f"{name}.latent", said.latent, said.heads, said.v_dim, store) if said.latent else None
        self.o = LinearMap(said.o, store)
        self.gate = LinearMap(said.gate, store) if said.gate else None
        for role in ("q_norm", "k_norm", "v_norm", "o_norm"):
            norm = getattr(said, role)
            self.add_module(role, NormModule(f"{name}.{role}", None, norm, store) if norm else None)
        self.head_norms = HeadNormsMap(said.head_norms, store) if said.head_norms else None
        self.position = make_position(name, said.position, said.heads, self, store)

    def compute(self, given: Tensor, run: Pass) -> Tensor:
        said = self.attention
        self.require_hidden_states(given, input_of(said.q), self.q.weight)
        if said.mask.longest is not None and run.seen + given.shape[1] > said.mask.longest:
            raise Unsupported(f"{self.name}: of {run.seen + given.shape[1]} positions each would see blocks of the "
                              f"others, some of them by chance; up to {said.mask.longest} are computed, of which each "
                              "sees all")
        q = self._normed(self.q(given, run), said.heads, said.q_norm, self.q_norm, run)
        q = self._clipped(self.head_norms.q(q) if self.head_norms else q)
        if said.from_memory:
            return self._to_stream(attend_memory(said.scale, said.softcap, q, self._memorised(given, run)), given, run)
        q, seen = self._keys_of_source(q, run) if said.keys_of else self._own_keys(given, q, run)
        batch, _, keys, _ = seen.keys.shape
        seen.hidden = hidden_padding(self.name, run.said.attention_mask, batch, keys, q.device)
        if said.query_scale:
            q = _scaled_queries(q, said.query_scale, run)
        return self._to_stream(attend(said.scale, said.softcap, said.mask, self.position, q, seen, run), given, run)

    def _own_keys(self, given: Tensor, q: Tensor, run: Pass) -> tuple[Tensor, Keys]:
        """Its own and those that it remembers; q turns with them."""
        if run.seen > 0 and not self.attention.mask.causal:
            raise Unsupported(f"{self.name}: looks both ways, and what came before has not seen this: it is not run "
                              "piece by piece")
        memory = run.memory(self.name)
        k, v = self._keys_and_values(given, run)
        q, k = self.position.turn(q, k, run)
        if self.attention.norms_after_position:
            q, k = self.q_norm(q, run), self.k_norm(k, run)
        seen = Keys(k, v, run.position_ids(given.device))
        if memory is not None:
            seen = remember(self.name, memory, seen, run)
        elif self.attention.is_source:
            show(run.shown(self.name), seen)
        return q, seen

    def _keys_of_source(self, q: Tensor, run: Pass) -> tuple[Tensor, Keys]:
        """Those of another attention, which has run in this pass, or with this state."""
        q, _ = self.position.turn(q, None, run)
        source = self.attention.keys_of
        keys = kept_in(run.shown(source))
        wanted = run.seen + q.shape[2]
        if keys is None or keys.keys.shape[2] != wanted:
            raise ValueError(f"{self.name}: looks at the keys and values of '{source}', which has not run over these "
                             f"{wanted} positions: run what has both, or '{source}' before it with the same state")
        return q, Keys(keys.keys.to(q), keys.values.to(q), keys.positions.to(q.device))

    def _keys_and_values(self, x: Tensor, run: Pass) -> tuple[Tensor, Tensor]:
        """(batch, kv_heads, seq, qk_dim) and (batch, kv_heads, seq, v_dim)"""
        said = self.attention
        if self.latent:
            keys, values = self.latent(x, run)
        else:
            given = self.k(x, run)
            keys = self._normed(given, said.kv_heads, said.k_norm, self.k_norm, run)
            keys = self._clipped(self.head_norms.k(keys) if self.head_norms else keys)
            values = self._clipped(_split_heads(self.v(x, run) if self.v else given, said.kv_heads))
        return keys, self.v_norm(values, run) if self.v_norm else values

    def _memorised(self, given: Tensor, run: Pass) -> Keys:
        """Of an encoder's output: the same in every step."""
        memory = run.memory(self.name)
        if memory:
            return Keys(memory["keys"], memory["values"], None, memory.get("hidden"))
        output = run.said.encoder_hidden_states
        width = input_of(self.attention.k)
        if output is None or output.dim() != 3 or output.shape[0] != given.shape[0] or output.shape[2] != width:
            raise ValueError(f"{self.name}: needs encoder_hidden_states, ({given.shape[0]}, seq, {width}); was given "
                             f"{described(output)}")
        k, v = self._keys_and_values(output.to(self.k.weight), run)
        hidden = hidden_padding(self.name, run.said.encoder_attention_mask, k.shape[0], k.shape[2], k.device)
        if memory is not None:
            memory.update({"keys": k, "values": v}, **({} if hidden is None else {"hidden": hidden}))
        return Keys(k, v, None, hidden)

    def _to_stream(self, heads: Tensor, given: Tensor, run: Pass) -> Tensor:
        """What heads (batch, heads, seq, v_dim) give the stream."""
        joined = heads.transpose(1, 2).flatten(2)
        if self.o_norm:
            joined = self.o_norm(joined, run)
        return self.o(self._let_through(joined, self.gate(given)) if self.gate else joined)

    def _let_through(self, joined: Tensor, gate: Tensor) -> Tensor:
        """Times what the gate lets through, of each number or of each head."""
        is_softplus = self.attention.gate_kind == "softplus"
        open_ = functional.softplus(gate.float()).to(gate.dtype) if is_softplus else torch.sigmoid(gate)
        if open_.shape[-1] == joined.shape[-1]:
            return joined * open_
        return (joined.unflatten(-1, (self.attention.heads, -1)) * open_.unsqueeze(-1)).flatten(2)

    def _normed(self, x: Tensor, heads: int, norm: Norm | None, module: NormModule | None, run: Pass) -> Tensor:
        """(batch, seq, heads * dim) to (batch, heads, seq, dim), normed before positions count: all heads together
        where the norm is as wide, else each."""
        if norm is None or self.attention.norms_after_position:
            return _split_heads(x, heads)
        if norm.size == x.shape[-1]:
            return _split_heads(module(x, run), heads)
        return module(_split_heads(x, heads), run)

    def _clipped(self, x: Tensor) -> Tensor:
        """At most so far from 0 (OlmoAttention)."""
        clip = self.attention.clip
        return x if clip is None else x.clamp(-clip, clip)


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """(batch, seq, heads * dim) to (batch, heads, seq, dim)"""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _scaled_queries(q: Tensor, scale: QueryScale, run: Pass) -> Tensor:
    """get_llama_4_attn_scale of modeling_ministral3.py; Llama4TextAttention.forward."""
    positions = run.counted_positions(q.device) if scale.by_order else run.position_ids(q.device)
    steps = torch.div(positions + (scale.first or 0), scale.step, rounding_mode="floor").float()
    factor = (1 + scale.beta * steps.log1p()).unsqueeze(1).unsqueeze(-1)  # (batch or 1, 1, seq, 1)
    return (q * factor).to(q.dtype) if scale.multiply_before_cast else q * factor.to(q.dtype)

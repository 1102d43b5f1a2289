"""garage.torch: parts of models as modules of plain PyTorch, on whatever PyTorch there is.

    import garage, garage.torch

    registry = garage.Registry()
    attention = garage.torch.module(registry, "meta-llama/Llama-2-7b-hf", "attention_5")
    output = attention(hidden_states)                      # (batch, seq, hidden)
    model = garage.torch.module(registry, "meta-llama/Llama-2-7b-hf")
    logits = model(input_ids)

A part's blueprint, which the registry keeps, says what the part computes; this package computes it. So a module needs
no code of the model's family, and gives what `garage run` gives, to within 1e-5 of the largest number.

**A module** is an nn.Module. Its parameters bear the roles' names ("q.weight", "latent.norm.weight"), and ask for
gradients; `requires_grad_(False)` as everywhere. A tied head shares its embedding's parameter. `.to(device)` moves it,
or any part of it: parts of one model may be in several places. Nothing is dropped out: training and evaluation compute
the same.

**Its parts** are modules too, each under its own name: `model.get_submodule("layer_1.attention_1")`, or
`garage.torch.parts(model)["attention_1"]`. A hook on any of them sees what it is given and what it gives.

**What may be said of the tokens** has the names of an input file of `garage run`: position_ids, attention_mask,
token_type_ids, task_type_ids, decoder_input_ids, decoder_attention_mask, encoder_hidden_states, encoder_attention_mask;
and mask, which is added to the scores in place of the attention's own, and state, with which a model decodes piece by
piece.

**What is refused**: a part that is `custom`, whose code is its plugin's own; a blueprint that says a word that this
version does not know. A number that is wrong and looks right would be worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import BlueprintError, Unsupported
from .making import module_of, parts
from .ops.part_module import PartModule
from .run.state import State
from .source import Source

if TYPE_CHECKING:
    import garage
    import torch as _torch

__all__ = ["BlueprintError", "PartModule", "Source", "State", "Unsupported", "module", "module_of", "parts"]


def module(registry: garage.Registry, id: str, part: str | None = None, *, device: _torch.device | str | None = None,
           dtype: _torch.dtype | None = None, copy: bool = True) -> PartModule:
    """A part of a registered model as a module; without a part the whole model.

    device   where its parameters go; None: the CPU.
    dtype    in which it computes; None: as it is stored, and where that is several, the widest of them.
    copy     False: where nothing needs to be converted, parameters are views of the file, and ask for no gradients.

    Raises Unsupported for a part that nobody here computes, BlueprintError for a blueprint that is not understood, and
    whatever the registry raises.
    """
    from .registry_source import RegistrySource

    if part is not None:
        registry.part(id, part)  # who misspelt it is told the nearest name
    return module_of(RegistrySource(registry, id), part, device=device, dtype=dtype, copy=copy)

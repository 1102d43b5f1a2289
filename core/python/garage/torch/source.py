"""Where a model's parts and tensors come from.

The interpreter asks for no more than this, so that parts run from whatever holds a spec and its tensors.
"""

from __future__ import annotations

from typing import Protocol

import torch

from .blueprint import TensorRef
from .errors import BlueprintError


class Source(Protocol):
    document: dict
    """The spec document of the model, as `garage show ID --json` prints it."""

    def read(self, part: str, ref: TensorRef) -> torch.Tensor:
        """The tensor as the view shows it, in the dtype that it is stored in. It may lie in memory that nobody may
        write to: who wants to copies it."""
        ...

    def require_unchanged(self) -> None:
        """Asked once a module has its numbers: raises where what was read is no longer what lies there."""
        ...


def seen_through(tensor: torch.Tensor, ref: TensorRef) -> torch.Tensor:
    """What the view of ref shows of the whole tensor; a copy where strides cannot say it."""
    for step in ref.view:
        try:
            if step.kind == "view":
                tensor = tensor.reshape(step.arguments)
            else:
                tensor = getattr(tensor, step.kind)(*step.arguments)
        except (RuntimeError, IndexError) as error:
            shape = list(tensor.shape)
            raise BlueprintError(
                f"tensor '{ref.tensor}': {step.kind} {list(step.arguments)} does not fit {shape}") from error
    return tensor


def part_document(document: dict, part: str) -> dict:
    """What the spec says of a part, as a document."""
    found, model = document["parts"].get(part), document.get("model_id")
    if found is None:
        raise KeyError(f"'{model}' has no part '{part}'")
    if not found.get("blueprint"):
        raise BlueprintError(f"part '{part}' of '{model}' has no blueprint; register the model again")
    return found

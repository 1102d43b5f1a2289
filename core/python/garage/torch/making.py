"""A part of a source, or its whole model, as a module."""

from __future__ import annotations

import functools

import torch
from torch import nn

from .blueprint import HeldPart, TensorRef, ViewStep, walk
from .errors import Unsupported
from .ops.module_factory import blueprint_of, make_module
from .ops.part_module import PartModule
from .source import Source
from .weights import COMPUTED_IN, Store


def module_of(source: Source, part: str | None = None, *, device: torch.device | str | None = None,
              dtype: torch.dtype | None = None, copy: bool = True) -> PartModule:
    """As `garage.torch.module`, of a source. part None: the part that is the whole model."""
    root = part or source.document.get("root")
    if not root:
        model = source.document.get("model_id")
        raise Unsupported(f"'{model}' does not say which part is the whole model; register it again")
    if dtype is not None and dtype not in COMPUTED_IN:
        raise ValueError(f"dtype {dtype} is none that parts compute in")
    device = None if device is None else torch.device(device)
    made = make_module(Store(source, make_module, device, dtype or computing_dtype(source, root), copy), root)
    source.require_unchanged()
    return made


def parts(module: nn.Module) -> dict[str, PartModule]:
    """Every part within a module, and itself, by its name in the spec: `parts(model)["attention_1"]`."""
    return {one.part: one for one in module.modules() if isinstance(one, PartModule) and one.part is not None}


def computing_dtype(source: Source, root: str) -> torch.dtype | None:
    """The widest dtype of all that is in a part, where it is stored in several; None: each tensor's own is that of
    all."""
    if len(source.document.get("dtypes") or ()) == 1:
        return None
    found = {source.read(part, _one_row(ref)).dtype for ref, part in _tensors(source.document, root).items()}
    floats = found & set(COMPUTED_IN)
    return functools.reduce(torch.promote_types, floats) if len(floats) > 1 else None


def _one_row(ref: TensorRef) -> TensorRef:
    """Enough to tell a dtype by: of a tensor in an encoding no more is decoded."""
    is_reshaped = bool(ref.view) and ref.view[0].kind == "view"
    return ref if is_reshaped else TensorRef(ref.tensor, (ViewStep("narrow", (0, 0, 1)),))


def _tensors(document: dict, root: str) -> dict[TensorRef, str]:
    """All that a part and those in it read, and a part that does."""
    found: dict[TensorRef, str] = {}
    known, left = {root}, [root]
    while left:
        part = left.pop()
        for value in walk(blueprint_of(document, part)):
            if isinstance(value, TensorRef):
                found[value] = part
            elif isinstance(value, HeldPart) and value not in known:
                known.add(str(value))
                left.append(str(value))
    return found

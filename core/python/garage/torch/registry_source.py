"""A registered model as a source: garage's own registry, spec and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .blueprint import TensorRef
from .errors import Unsupported

if TYPE_CHECKING:
    import garage

_TORCH_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8",
}


class RegistrySource:
    """Tensors are views of the mapped file, or decoded where they are stored in an encoding."""

    def __init__(self, registry: garage.Registry, id: str) -> None:
        self.spec = registry.spec(id)
        self.document: dict[str, Any] = self.spec.to_dict()
        self._views: list[Any] = []

    def read(self, part: str, ref: TensorRef) -> torch.Tensor:
        view = [{step.kind: list(step.arguments)} for step in ref.view]
        found = self.spec.parts[part].tensor({"tensor": ref.tensor, "view": view})
        if found.is_view:
            self._views.append(found)
        tensor = torch.from_dlpack(found)
        if tensor.dtype == torch.uint8 and found.dtype != "U8":  # DLPack has no word for numbers of 8 bits
            return tensor.view(self._dtype(part, ref, found.dtype))
        if found.model_dtype != found.dtype:  # decoded
            return tensor.to(self._dtype(part, ref, found.model_dtype))
        return tensor

    def require_unchanged(self) -> None:
        for view in self._views:
            view.require_unchanged()
        self._views.clear()

    def _dtype(self, part: str, ref: TensorRef, word: str) -> torch.dtype:
        dtype = getattr(torch, _TORCH_NAMES.get(word, ""), None)
        if dtype is None:
            raise Unsupported(f"{part}: tensor '{ref.tensor}' is {word}, for which this PyTorch ({torch.__version__}) "
                              "has no type")
        return dtype

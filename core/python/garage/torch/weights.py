"""Store: a model's tensors as the parameters of modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import torch
from torch import Tensor, nn

from .blueprint import TensorRef
from .errors import BlueprintError, Unsupported
from .source import Source

if TYPE_CHECKING:
    from .ops.part_module import PartModule

COMPUTED_IN = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class Store:
    """Two parts that read one tensor through one view (a tied head) share the parameter."""

    def __init__(self, source: Source, make: Callable[["Store", str], "PartModule"], device: torch.device | None,
                 dtype: torch.dtype | None, copy: bool) -> None:
        """make: makes a part's module. dtype None: each tensor's own. copy: parameters lie in memory of their own."""
        self.source = source
        self.make = make
        self.device = device
        self.dtype = dtype
        self.copy = copy
        self.part = ""  # whose module is being made
        self._made: dict[TensorRef, nn.Parameter] = {}

    def parameter(self, module: nn.Module, name: str, ref: TensorRef | None, shape: tuple[int, ...]) -> None:
        """Registers it, or None where the model has none."""
        if ref is None:
            module.register_parameter(name, None)
            return
        known = self._made.get(ref)
        if known is None:
            known = self._made[ref] = nn.Parameter(self._placed(ref), requires_grad=self.copy)
        self._require_shape(known, ref, name, shape)
        module.register_parameter(name, known)

    def buffer(self, module: nn.Module, name: str, ref: TensorRef | None, shape: tuple[int, ...]) -> None:
        """The same of numbers that are no learned parameters."""
        tensor = None
        if ref is not None:
            tensor = self._placed(ref)
            self._require_shape(tensor, ref, name, shape)
        module.register_buffer(name, tensor)

    def add_part(self, module: nn.Module, part: str, kind: type | None = None) -> str:
        """Registers the part's module under its name within its stack, "layer_0" of "encoder.layer_0", and answers that
        name. A part that comes more than once is made once."""
        name = own_name(part)
        known = module._modules.get(name)
        if known is not None and known.part == part:
            return name
        if hasattr(module, name):
            raise BlueprintError(f"{self.part}: has two things called '{name}', of which '{part}' is one")
        above = self.part
        made = self.make(self, part)
        self.part = above
        if kind is not None and not isinstance(made, kind):
            raise BlueprintError(f"{self.part}: '{part}' is no {kind.__name__.replace('Module', '')}")
        module.add_module(name, made)
        return name

    def _placed(self, ref: TensorRef) -> Tensor:
        tensor = self.source.read(self.part, ref)
        dtype = self.dtype or tensor.dtype
        if dtype not in COMPUTED_IN:
            raise Unsupported(f"{self.part}: tensor '{ref.tensor}' is stored as {tensor.dtype}, in which no part "
                              "computes: name a dtype")
        # The layout stays what it is in the file, as in nn: kernels of narrow dtypes round by it.
        return tensor.to(device=self.device, dtype=dtype, copy=self.copy)

    def _require_shape(self, tensor: Tensor, ref: TensorRef, role: str, shape: tuple[int, ...]) -> None:
        if tuple(tensor.shape) != shape:
            raise BlueprintError(f"{self.part}: '{role}' should be {list(shape)}, tensor '{ref.tensor}' as the "
                                 f"blueprint sees it is {list(tensor.shape)}")


def own_name(part: str) -> str:
    """Names of modules have no dots."""
    return part.rpartition(".")[2]

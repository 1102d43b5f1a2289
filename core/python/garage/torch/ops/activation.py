"""Activations, by the names that transformers has for them (ACT2FN of activations.py)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import Unsupported


def _tanh_gelu(x: Tensor) -> Tensor:
    return functional.gelu(x, approximate="tanh")


_KNOWN = {
    "silu": functional.silu,
    "swish": functional.silu,
    "gelu": functional.gelu,
    "gelu_new": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "gelu_fast": _tanh_gelu,
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": functional.relu,
    "relu2": lambda x: functional.relu(x).square(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


def require_activation(part: str, name: str) -> None:
    """Raises Unsupported for one that is not computed here, when a module is made."""
    if name not in _KNOWN:
        raise Unsupported(f"{part}: activation '{name}' is none that this version of garage.torch computes")


def activate(name: str, x: Tensor) -> Tensor:
    return _KNOWN[name](x)

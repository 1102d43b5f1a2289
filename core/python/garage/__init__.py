"""Model Garage: opens transformers and takes them apart into named parts.

    import garage

    registry = garage.Registry()
    spec = registry.register("me/llama", "/models/llama")      # headers alone are read
    attention = spec.parts["attention_5"]
    weight = attention.tensors["q.weight"].numpy()             # a view of the mapped file

Tensors speak DLPack: torch.from_dlpack(attention.tensors["q.weight"]) copies nothing. This package imports neither
NumPy nor PyTorch until it is asked to; garage.torch makes PyTorch modules of parts.
"""

from ._garage import (
    Claim,
    Comparison,
    CompatibleParts,
    FoundParts,
    MergedLayers,
    MergeSummary,
    ModelSummary,
    Part,
    Parts,
    Registry,
    Spec,
    Swap,
    SwapLevel,
    SwapReason,
    Tensor,
    Tensors,
    __version__,
    compare,
)
from .errors import (
    AmbiguousError,
    CorruptError,
    Errc,
    Error,
    IncompatibleError,
    InternalError,
    InvalidArgumentError,
    IoError,
    NotFoundError,
    Note,
    UnsupportedError,
)

__all__ = [
    "AmbiguousError",
    "Claim",
    "Comparison",
    "CompatibleParts",
    "CorruptError",
    "Errc",
    "Error",
    "FoundParts",
    "IncompatibleError",
    "InternalError",
    "InvalidArgumentError",
    "IoError",
    "MergedLayers",
    "MergeSummary",
    "ModelSummary",
    "NotFoundError",
    "Note",
    "Part",
    "Parts",
    "Registry",
    "Spec",
    "Swap",
    "SwapLevel",
    "SwapReason",
    "Tensor",
    "Tensors",
    "UnsupportedError",
    "compare",
]

"""A small reader of safetensors files: eight bytes that say how long the header is, the header (JSON: of each tensor
its dtype, shape and where its bytes lie), then the bytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import torch

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "U8": torch.uint8, "BOOL": torch.bool,
}


class SafetensorsFile:
    def __init__(self, path: Path) -> None:
        self._bytes = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", self._bytes[:8])
        self._header = json.loads(self._bytes[8 : 8 + length])
        self._header.pop("__metadata__", None)
        self._begin = 8 + length

    def names(self) -> list[str]:
        return list(self._header)

    def read(self, name: str) -> torch.Tensor:
        entry = self._header[name]
        dtype = _DTYPES[entry["dtype"]]
        begin, end = (self._begin + offset for offset in entry["data_offsets"])
        if begin == end:
            return torch.empty(entry["shape"], dtype=dtype)
        # Of its own, since nothing says that the bytes are aligned.
        return torch.frombuffer(self._bytes[begin:end], dtype=dtype).reshape(entry["shape"])


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    file = SafetensorsFile(path)
    return {name: file.read(name) for name in file.names()}


def read_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    """Of all its files."""
    tensors: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors.update(read_tensors(path))
    return tensors

"""The models that tests run: checkpoints small enough to be kept, each with what transformers computed of it.

Specs come from the bindings, `garage._garage`. Where those are not built, GARAGE_SPECS names a folder of spec
documents, `<family>--<variant>.json`, as `garage show --json` prints them; the checkpoints are then read by tests/torch
alone.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import importlib
import json
import os
import shutil
import sys
import tempfile
import types
import warnings
from pathlib import Path

import torch

from safetensors_file import read_checkpoint, read_tensors

ROOT = Path(__file__).resolve().parents[4]
PACKAGE = ROOT / "core" / "python" / "garage"
SPECS = os.environ.get("GARAGE_SPECS")

if SPECS:  # garage.torch alone, without what is built
    alone = types.ModuleType("garage")
    alone.__path__ = [str(PACKAGE)]
    sys.modules["garage"] = alone

garage_torch = importlib.import_module("garage.torch")


@dataclasses.dataclass(frozen=True)
class Variant:
    family: str  # or "ref": tests/data/reference, whose numbers lie in tests/data/computed; "field": tests/data/field
    name: str

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"

    @property
    def checkpoint(self) -> Path:
        if self.family == "ref":
            return ROOT / "tests" / "data" / "reference" / self.name
        if self.family == "field":
            return ROOT / "tests" / "data" / "field" / self.name
        return ROOT / "plugins" / self.family / "tests" / "data" / self.name / "checkpoint"

    @property
    def reference(self) -> Path:
        if self.family == "ref":
            return ROOT / "tests" / "data" / "computed" / f"{self.name}.safetensors"
        if self.family == "field":
            return self.checkpoint / "truth.safetensors"
        return self.checkpoint.parent / "reference.safetensors"

    def computed(self) -> dict[str, torch.Tensor]:
        return read_tensors(self.reference)

    def source(self) -> "garage_torch.Source":
        return opened(self)


class FolderSource:
    """A spec document and the tensors of a checkpoint folder."""

    def __init__(self, document: dict, tensors: dict[str, torch.Tensor]) -> None:
        self.document = document
        self.tensors = tensors

    def read(self, part: str, ref: object) -> torch.Tensor:
        from garage.torch.source import seen_through

        return seen_through(self.tensors[ref.tensor], ref)

    def require_unchanged(self) -> None:
        pass


@functools.lru_cache(maxsize=4)
def opened(variant: Variant) -> "garage_torch.Source":
    if SPECS:
        document = json.loads((Path(SPECS) / f"{variant.family}--{variant.name}.json").read_text())
        return FolderSource(document, read_checkpoint(variant.checkpoint))
    from garage.torch.registry_source import RegistrySource

    if str(variant) not in registry().models():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes of what was found beside the weights
            registry().register(str(variant), variant.checkpoint)
    return RegistrySource(registry(), str(variant))


@functools.lru_cache(maxsize=None)
def registry() -> object:
    """With a catalog of its own, and no config of whoever runs the tests."""
    import garage

    folder = Path(tempfile.mkdtemp(prefix="garage-torch-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "garage.yaml").write_text("batch: {jobs: 1}\n")
    return garage.Registry(catalog=folder / "catalog", config=folder / "garage.yaml")


def reference_variants() -> list[Variant]:
    files = (ROOT / "tests" / "data" / "computed").glob("*.safetensors")
    return sorted((Variant("ref", file.stem) for file in files), key=str)


def odd_checkpoints() -> list[Variant]:
    files = (ROOT / "tests" / "data" / "field").glob("*/truth.safetensors")
    return sorted((Variant("field", file.parent.name) for file in files), key=str)


def family_variants() -> list[Variant]:
    files = (ROOT / "plugins").glob("*/tests/data/*/reference.safetensors")
    return sorted((Variant(file.parts[-5], file.parent.name) for file in files), key=str)


def made(variant: Variant, part: str | None = None, **how: object) -> torch.nn.Module:
    return garage_torch.module_of(variant.source(), part, **how)


def model_of(family: str, variant: str, part: str | None = None) -> torch.nn.Module:
    """Computing in float32, without gradients."""
    return made(Variant(family, variant), part, dtype=torch.float32).requires_grad_(False)


def ids_of(length: int) -> torch.Tensor:
    return (torch.arange(length) * 5 + 3) % 16 + 8

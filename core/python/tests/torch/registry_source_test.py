"""A registry's parts and tensors as a source, with objects that speak as garage's own do."""

from __future__ import annotations

import types
import unittest

import torch

from variants import garage_torch

from garage.torch.blueprint import TensorRef, ViewStep
from garage.torch.registry_source import RegistrySource


class Handle:
    """garage.Tensor"""

    def __init__(self, numbers: torch.Tensor, dtype: str, model_dtype: str | None = None, is_view: bool = True) -> None:
        self.numbers = numbers
        self.dtype = dtype
        self.model_dtype = model_dtype or dtype
        self.is_view = is_view
        self.asked = 0

    def require_unchanged(self) -> None:
        self.asked += 1

    def __dlpack__(self, **how: object) -> object:
        return self.numbers.__dlpack__()

    def __dlpack_device__(self) -> tuple:
        return self.numbers.__dlpack_device__()


class Registry:
    def __init__(self, handle: Handle, blueprint: dict) -> None:
        self.asked: list = []
        document = {"model_id": "m", "root": "p", "dtypes": {"F32": 1}, "parts": {"p": {"blueprint": blueprint}}}

        def tensor(reference: dict) -> Handle:
            self.asked.append(reference)
            return handle

        parts = {"p": types.SimpleNamespace(tensor=tensor)}
        self._spec = types.SimpleNamespace(to_dict=lambda: document, parts=parts)

    def spec(self, id: str) -> object:
        assert id == "m"
        return self._spec


LINEAR = {"op": "linear", "in": 2, "out": 3, "weight": {"tensor": "w", "view": [{"transpose": [0, 1]}]}}


class RegistrySourceTest(unittest.TestCase):
    def module(self, handle: Handle, **how: object) -> torch.nn.Module:
        self.registry = Registry(handle, LINEAR)
        return garage_torch.module(self.registry, "m", **how)

    def test_a_tensor_is_asked_for_as_the_blueprint_says_it(self) -> None:
        handle = Handle(torch.arange(6.0).view(2, 3).t(), "F32")
        module = self.module(handle)
        self.assertEqual(module(torch.ones(1, 2)).tolist(), [[3, 5, 7]])
        self.assertEqual(self.registry.asked, [{"tensor": "w", "view": [{"transpose": [0, 1]}]}])
        self.assertEqual(handle.asked, 1)  # whether the file is still what it was, once the numbers are there

    def test_the_layout_of_a_view_is_kept_copied_or_not(self) -> None:
        handle = Handle(torch.arange(6.0).view(2, 3).t(), "F32")
        viewed, copied = (self.module(handle, copy=copy).weight for copy in (False, True))
        self.assertEqual((viewed.stride(), copied.stride()), ((1, 3), (1, 3)))
        self.assertEqual(viewed.data_ptr(), handle.numbers.data_ptr())
        self.assertNotEqual(copied.data_ptr(), handle.numbers.data_ptr())

    def test_decoded_numbers_are_of_the_models_dtype(self) -> None:
        handle = Handle(torch.ones(3, 2), "F32", "BF16", is_view=False)
        self.assertEqual(self.module(handle).weight.dtype, torch.bfloat16)
        self.assertEqual(self.module(handle, dtype=torch.float32).weight.dtype, torch.float32)
        self.assertEqual(handle.asked, 0)

    def test_numbers_of_8_bits_come_as_bytes(self) -> None:
        handle = Handle(torch.full((3, 2), 0x38, dtype=torch.uint8), "F8_E4M3")  # 1.0
        if not hasattr(torch, "float8_e4m3fn"):
            with self.assertRaisesRegex(garage_torch.Unsupported, "tensor 'w' is F8_E4M3, for which this PyTorch"):
                self.module(handle, dtype=torch.float32)
            return
        self.assertEqual(self.module(handle, dtype=torch.float32).weight.tolist(), [[1.0, 1.0]] * 3)
        with self.assertRaisesRegex(garage_torch.Unsupported, "is stored as torch.float8_e4m3fn, in which"):
            self.module(handle)

    def test_bytes_that_are_numbers_stay_so(self) -> None:
        source = RegistrySource(Registry(Handle(torch.ones(3, 2, dtype=torch.uint8), "U8"), LINEAR), "m")
        self.assertEqual(source.read("p", TensorRef("w", (ViewStep("select", (0, 1)),))).dtype, torch.uint8)


if __name__ == "__main__":
    unittest.main()

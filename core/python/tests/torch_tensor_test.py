import ctypes
import gc
import unittest

import garage

import bundled

try:
    import torch
except ImportError:
    torch = None


def references_in(blueprint):
    """All references to tensors in it, as the document has them."""
    if isinstance(blueprint, dict):
        if isinstance(blueprint.get("tensor"), str):
            yield blueprint
        else:
            for value in blueprint.values():
                yield from references_in(value)
    elif isinstance(blueprint, list):
        for value in blueprint:
            yield from references_in(value)


@unittest.skipUnless(torch, "PyTorch is not there")
class TorchTensorTest(unittest.TestCase):
    def test_a_torch_tensor_is_a_view_with_the_same_pointer_and_strides(self):
        for part in bundled.new_registry(self, "gpt2").spec("gpt2").parts.values():
            for role, tensor in part.tensors.items():
                with self.subTest(part=part.name, role=role):
                    seen = torch.from_dlpack(tensor)
                    self.assertEqual(seen.data_ptr(), tensor.data_ptr)
                    self.assertEqual((tuple(seen.shape), seen.stride()), (tensor.shape, tensor.strides))
                    self.assertTrue(tensor.is_view)

    def test_every_view_of_the_reference_checkpoints_is_what_torch_makes_of_the_file(self):
        registry = bundled.new_registry(self)
        for folder in sorted(bundled.data("reference").iterdir()):
            if not (folder / "model.safetensors").exists():
                continue
            for part in registry.register(folder.name, folder).parts.values():
                for reference in references_in(part.blueprint):
                    with self.subTest(model=folder.name, part=part.name, reference=reference):
                        seen, whole = part.tensor(reference), part.tensor(reference["tensor"])
                        stored, _, shape = bundled.stored_bytes(folder, seen.name)
                        self.assertEqual(ctypes.string_at(whole.data_ptr, whole.nbytes), stored)
                        expected = torch.from_dlpack(whole).reshape(shape)
                        for step in reference.get("view", []):
                            ((kind, arguments),) = step.items()
                            expected = (expected.reshape(arguments) if kind == "view"
                                        else getattr(expected, kind)(*arguments))
                        self.assertEqual(tuple(seen.shape), tuple(expected.shape))
                        self.assertTrue(torch.equal(torch.from_dlpack(seen), expected))

    def test_bf16_is_bf16(self):
        registry = bundled.new_registry(self)
        tensors = registry.register("a", bundled.data("adapters", "llama-bf16")).parts["attention_0"].tensors
        self.assertEqual(tensors["q.weight"].dtype, "BF16")
        self.assertEqual(torch.from_dlpack(tensors["q.weight"]).dtype, torch.bfloat16)

    def test_it_survives_the_registry(self):
        registry = bundled.new_registry(self, "gpt2")
        tensor = torch.from_dlpack(registry.part("gpt2", "attention_1").tensors["q.weight"])
        expected = tensor.clone()
        del registry
        gc.collect()
        self.assertTrue(torch.equal(tensor, expected))

    def test_a_write_is_copied_and_never_reaches_the_file(self):
        file = bundled.reference("gpt2") / "model.safetensors"
        before = file.read_bytes()
        registry = bundled.new_registry(self, "gpt2")
        tensor = torch.from_dlpack(registry.part("gpt2", "attention_1").tensors["q.weight"])
        tensor.fill_(3)
        self.assertTrue((tensor == 3).all())
        self.assertEqual(file.read_bytes(), before)

    def test_a_thousand_dropped_tensors_leave_no_memory_behind(self):
        spec = bundled.new_registry(self, "gpt2").spec("gpt2")

        def make_and_drop(count):
            for _ in range(count):
                torch.from_dlpack(spec.parts["ffn_1"].tensors["up.weight"]).sum()

        make_and_drop(100)
        before = bundled.resident_bytes()
        make_and_drop(1000)
        self.assertLess(bundled.resident_bytes() - before, 2 << 20)


if __name__ == "__main__":
    unittest.main()

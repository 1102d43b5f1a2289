import unittest
import warnings

import garage

import bundled


class EncodedTest(unittest.TestCase):
    def setUp(self):
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", garage.Note)  # what was left out, which adapter was laid over

    def require_close(self, tensor, expected):
        self.assertEqual((tensor.dtype, tensor.is_view), ("F32", False))
        numbers = bundled.floats_in(tensor)
        self.assertEqual(len(numbers), len(expected))
        largest = max(abs(number) for number in expected)
        self.assertLessEqual(max(abs(a - b) for a, b in zip(numbers, expected)), 1e-6 * largest)

    def require_dequantised(self, name, says):
        folder = bundled.data("quantised", name)
        part = bundled.new_registry(self).register(name, folder / "checkpoint").parts["ffn_0"]
        tensor = part.tensors["down.weight"]
        self.assertIn(says, tensor.encoding)
        self.require_close(tensor, bundled.stored_floats(folder / "reference.safetensors",
                                                         "dequantised.model.layers.0.mlp.down_proj.weight"))

    def test_quantised_tensors_are_decoded_to_what_transformers_has(self):
        for name, says in (("gptq-act-order", "GPTQ"), ("awq", "AWQ"), ("fp8-tensor", ""), ("bnb-nf4", "")):
            with self.subTest(name):
                self.require_dequantised(name, says)

    def test_tensors_of_a_gguf_file_are_decoded_to_what_gguf_has(self):
        folder = bundled.data("gguf", "llama-Q8_0")
        part = bundled.new_registry(self).register("a", folder / "llama-Q8_0.gguf").parts["ffn_0"]
        tensor = part.tensors["down.weight"]
        self.assertEqual(tensor.encoding, "Q8_0")
        rows = bundled.stored_floats(folder / "reference.safetensors", "dequantised.blk.0.ffn_down.weight")
        first = part.tensor({"tensor": tensor.name, "view": [{"narrow": [0, 0, 8]}]})
        self.require_close(first, rows)
        self.assertEqual(bundled.floats_in(tensor)[: len(rows)], bundled.floats_in(first))

    def test_some_rows_of_an_encoded_tensor_are_those_of_the_whole(self):
        part = bundled.new_registry(self).register(
            "a", bundled.data("quantised", "gptq-act-order", "checkpoint")).parts["ffn_0"]
        whole = part.tensors["down.weight"]
        rows, columns = whole.shape
        row = part.tensor({"tensor": whole.name, "view": [{"select": [0, rows - 1]}]})
        self.assertEqual(row.shape, (columns,))
        self.assertEqual(bundled.floats_in(row), bundled.floats_in(whole)[-columns:])
        with self.assertRaises(garage.InvalidArgumentError):
            part.tensor({"tensor": whole.name, "view": [{"select": [0, rows]}]})

    def test_a_lora_is_laid_over_the_weights(self):
        registry = bundled.new_registry(self)
        lora = bundled.data("adapters", "lora")
        spec = registry.register("under", bundled.data("adapters", "llama"), adapters=[lora])
        for layer in range(3):
            tensors = spec.parts[f"attention_{layer}"].tensors
            for role in ("q", "v"):
                self.require_close(tensors[f"{role}.weight"], bundled.stored_floats(
                    lora / "merged.safetensors", f"model.layers.{layer}.self_attn.{role}_proj.weight"))
            self.assertTrue(tensors["o.weight"].is_view)

    def test_the_same_checkpoint_with_and_without_a_lora_is_two_models(self):
        registry = bundled.new_registry(self)
        folder = bundled.data("adapters", "llama")
        base = registry.register("base", folder).parts["attention_0"]
        half = [(bundled.data("adapters", "lora"), 0.5)]
        under = registry.register("under", folder, adapters=half).parts["attention_0"]
        self.assertTrue(base.tensors["q.weight"].is_view)
        self.assertFalse(under.tensors["q.weight"].is_view)
        self.assertNotEqual(bundled.floats_in(base.tensors["q.weight"]), bundled.floats_in(under.tensors["q.weight"]))


if __name__ == "__main__":
    unittest.main()

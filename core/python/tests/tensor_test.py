import ctypes
import struct
import unittest

import garage

import bundled


class TensorTest(unittest.TestCase):
    def test_a_plain_tensor_is_a_view_of_the_files_bytes(self):
        part = bundled.new_registry(self, "llama-3.1").part("llama-3.1", "attention_1")
        tensor = part.tensors["q.weight"]
        stored, dtype, shape = bundled.stored_bytes(bundled.reference("llama-3.1"), tensor.name)
        self.assertEqual((tensor.dtype, list(tensor.shape), tensor.strides), (dtype, shape, (32, 1)))
        self.assertTrue(tensor.is_view)
        self.assertEqual(tensor.nbytes, len(stored))
        self.assertEqual(ctypes.string_at(tensor.data_ptr, tensor.nbytes), stored)
        self.assertEqual((tensor.encoding, tensor.model_dtype), (None, dtype))

    def test_views_of_a_fused_and_transposed_tensor_are_strides(self):
        tensors = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1").tensors
        q, k = tensors["q.weight"], tensors["k.weight"]
        self.assertEqual(q.name, "transformer.h.1.attn.c_attn.weight")
        self.assertEqual((q.shape, q.strides), ((32, 32), (1, 96)))
        self.assertEqual(k.data_ptr - q.data_ptr, 32 * 4)
        self.assertTrue(k.is_view)

    def test_tensors_are_a_mapping_by_role(self):
        tensors = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1").tensors
        self.assertEqual(list(tensors), ["q.weight", "q.bias", "k.weight", "k.bias", "v.weight", "v.bias", "o.weight",
                                         "o.bias"])
        self.assertEqual(dict(tensors).keys(), set(tensors))
        with self.assertRaisesRegex(KeyError, "no tensor 'q.wieght'; did you mean 'q.weight'"):
            tensors["q.wieght"]

    def test_a_blueprints_reference_gives_its_tensor(self):
        part = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1")
        for name in ("q", "k", "v", "o"):
            tensor = part.tensor(part.blueprint[name]["weight"])
            same = part.tensors[f"{name}.weight"]
            self.assertEqual((tensor.data_ptr, tensor.shape, tensor.strides), (same.data_ptr, same.shape, same.strides))
        self.assertEqual(part.tensor("transformer.wte.weight").shape, (96, 32))

    def test_a_reference_that_does_not_fit_is_refused(self):
        part = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1")
        name = "transformer.h.1.attn.c_proj.weight"
        for view, says in (
            ([{"narrow": [0, 16, 17]}], r"narrow \[0, 16, 17\] does not fit \[32, 32\]"),
            ([{"select": [2, 0]}], r"select \[2, 0\] does not fit"),
            ([{"select": [0, -1]}], r"select \[0, -1\] does not fit"),
            ([{"view": [31, 33]}], r"view \[31, 33\] does not fit"),
            ([{"view": [1 << 62, 1 << 62]}], "does not fit"),
            ([{"transpose": [0]}], "does not fit"),
            ([{"flip": [0]}], "should be a step of a view"),
            (["narrow"], "should be a step of a view"),
        ):
            with self.subTest(view=view), self.assertRaisesRegex(garage.InvalidArgumentError, says):
                part.tensor({"tensor": name, "view": view})
        with self.assertRaisesRegex(garage.InvalidArgumentError, "should be a reference"):
            part.tensor({"weight": name})
        with self.assertRaisesRegex(garage.CorruptError, "has no tensor 'nothing'"):
            part.tensor("nothing")

    def test_a_view_that_strides_can_say_copies_nothing_and_any_other_is_a_copy(self):
        part = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1")
        name = "transformer.h.1.attn.c_proj.weight"
        split = part.tensor({"tensor": name, "view": [{"transpose": [0, 1]}, {"view": [4, 8, 32]}]})
        self.assertTrue(split.is_view)
        self.assertEqual(split.strides, (8, 1, 32))
        flat = part.tensor({"tensor": name, "view": [{"transpose": [0, 1]}, {"view": [1024]}]})
        self.assertFalse(flat.is_view)
        stored, _, _ = bundled.stored_bytes(bundled.reference("gpt2"), name)
        rows = struct.unpack("<1024f", stored)
        self.assertEqual(struct.unpack("<1024f", ctypes.string_at(flat.data_ptr, flat.nbytes)),
                         tuple(rows[32 * column + row] for row in range(32) for column in range(32)))


if __name__ == "__main__":
    unittest.main()

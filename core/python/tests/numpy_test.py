import unittest

import garage

import bundled

try:
    import numpy
except ImportError:
    numpy = None


@unittest.skipUnless(numpy, "NumPy is not there")
class NumpyTest(unittest.TestCase):
    def test_an_array_is_a_view_with_the_tensors_strides(self):
        tensor = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1").tensors["k.weight"]
        array = tensor.numpy()
        self.assertEqual(array.dtype, numpy.float32)
        self.assertEqual(array.ctypes.data, tensor.data_ptr)
        self.assertEqual((array.shape, array.strides), ((32, 32), (4, 384)))
        stored, _, shape = bundled.stored_bytes(bundled.reference("gpt2"), tensor.name)
        whole = numpy.frombuffer(stored, "<f4").reshape(shape)
        self.assertTrue((array == whole.T[32:64]).all())

    def test_an_array_outlives_tensor_part_and_registry(self):
        registry = bundled.new_registry(self, "gpt2")
        array = registry.part("gpt2", "ffn_0").tensors["up.weight"].numpy()
        expected = array.copy()
        del registry
        self.assertTrue((array == expected).all())

    def test_a_write_never_reaches_the_file(self):
        file = bundled.reference("gpt2") / "model.safetensors"
        before = file.read_bytes()
        array = bundled.new_registry(self, "gpt2").part("gpt2", "ffn_0").tensors["up.weight"].numpy()
        array[:] = 7
        self.assertTrue((array == 7).all())
        self.assertEqual(file.read_bytes(), before)

    def test_asarray_and_from_dlpack_take_a_tensor(self):
        tensor = bundled.new_registry(self, "gpt2").part("gpt2", "ffn_0").tensors["up.bias"]
        self.assertEqual(numpy.asarray(tensor).ctypes.data, tensor.data_ptr)
        self.assertEqual(numpy.from_dlpack(tensor).ctypes.data, tensor.data_ptr)
        self.assertEqual(numpy.asarray(tensor, dtype=numpy.float64).dtype, numpy.float64)

    def test_what_numpy_lacks_is_refused_by_name(self):
        spec = bundled.new_registry(self).register("bf16", bundled.data("adapters", "llama-bf16"))
        tensor = spec.parts["attention_0"].tensors["q.weight"]
        with self.assertRaisesRegex(garage.UnsupportedError, "BF16, for which NumPy has no dtype"):
            tensor.numpy()
        with self.assertRaises(garage.UnsupportedError):
            numpy.asarray(tensor)


if __name__ == "__main__":
    unittest.main()

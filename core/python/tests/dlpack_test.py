import ctypes
import gc
import pathlib
import unittest

import bundled


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class Unversioned(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Versioned(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", Tensor)]


def pointer_in(capsule, name, kind):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return kind.from_address(get(capsule, name))


class Held:
    """A capsule and what it points at, which is gone with it."""

    def __init__(self, capsule):
        self.capsule = capsule
        versioned = "dltensor_versioned" in repr(capsule)
        self.managed = pointer_in(capsule, *((b"dltensor_versioned", Versioned) if versioned else
                                             (b"dltensor", Unversioned)))
        self.tensor = self.managed.tensor


def taken(capsule, name, new_name, kind):
    """What a consumer does: gives the capsule another name, and calls the deleter when it is done."""
    managed = pointer_in(capsule, name, kind)
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = [ctypes.py_object, ctypes.c_char_p]
    rename(capsule, new_name)
    return managed


class CapsuleTest(unittest.TestCase):
    def setUp(self):
        self.part = bundled.new_registry(self, "gpt2").part("gpt2", "attention_1")
        self.tensor = self.part.tensors["q.weight"]

    def require_described(self, described):
        self.assertEqual(described.data, self.tensor.data_ptr)
        self.assertEqual((described.device_type, described.device_id, described.ndim), (1, 0, 2))
        self.assertEqual((described.code, described.bits, described.lanes, described.byte_offset), (2, 32, 1, 0))
        self.assertEqual(described.shape[:2], [32, 32])
        self.assertEqual(described.strides[:2], [1, 96])

    def test_without_a_version_the_capsule_is_the_old_one(self):
        for held in (Held(self.tensor.__dlpack__()), Held(self.tensor.__dlpack__(max_version=(0, 8)))):
            self.assertIsInstance(held.managed, Unversioned)
            self.require_described(held.tensor)

    def test_with_version_1_the_capsule_is_versioned_and_writable(self):
        held = Held(self.tensor.__dlpack__(max_version=(1, 1)))
        self.require_described(held.tensor)
        self.assertEqual((held.managed.major, held.managed.minor, held.managed.flags), (1, 0, 0))

    def test_a_copy_is_one_and_says_so(self):
        held = Held(self.tensor.__dlpack__(max_version=(1, 0), copy=True))
        self.assertEqual(held.managed.flags, 2)
        self.assertNotEqual(held.tensor.data, self.tensor.data_ptr)
        self.assertEqual(held.tensor.strides[:2], [32, 1])
        never = Held(self.tensor.__dlpack__(copy=False))
        self.assertEqual(never.tensor.data, self.tensor.data_ptr)

    def test_another_device_or_a_stream_is_refused(self):
        self.assertEqual(self.tensor.__dlpack_device__(), (1, 0))
        self.tensor.__dlpack__(dl_device=(1, 0))
        with self.assertRaises(BufferError):
            self.tensor.__dlpack__(dl_device=(2, 0))
        with self.assertRaises(BufferError):
            self.tensor.__dlpack__(stream=1)

    def test_a_dtype_is_dlpacks_own_and_fp8_is_bytes_with_its_name(self):
        for dtype, code, bits in (("F8_E4M3", 1, 8), ("F8_E5M2", 1, 8), ("BF16", 4, 16), ("F16", 2, 16),
                                  ("F64", 2, 64)):
            with self.subTest(dtype):
                stored = bytes(range(bits // 8 * 32))
                folder = bundled.write_changed(bundled.new_folder(self) / "a", bundled.reference("llama-3.1"),
                                               {"model.norm.weight": (dtype, stored)})
                tensor = bundled.new_registry(self).register("a", folder).parts["norm"].tensors["weight"]
                self.assertEqual((tensor.dtype, tensor.nbytes), (dtype, len(stored)))
                held = Held(tensor.__dlpack__())
                self.assertEqual((held.tensor.code, held.tensor.bits, held.tensor.shape[0]), (code, bits, 32))
                self.assertEqual(ctypes.string_at(held.tensor.data, len(stored)), stored)

    def test_what_was_taken_keeps_the_numbers_and_nothing_else_has_to(self):
        expected = ctypes.string_at(self.tensor.data_ptr, 128)
        capsule = self.tensor.__dlpack__()
        managed = taken(capsule, b"dltensor", b"used_dltensor", Unversioned)
        del capsule, self.tensor, self.part
        gc.collect()
        self.assertEqual(ctypes.string_at(managed.tensor.data, 128), expected)
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(managed.deleter)(ctypes.addressof(managed))

    def test_the_mapping_goes_with_the_last_who_has_it(self):
        path = str(bundled.reference("gpt2") / "model.safetensors")

        def is_mapped():
            return path in pathlib.Path("/proc/self/maps").read_text()

        capsule = self.tensor.__dlpack__()
        del self.tensor, self.part
        gc.collect()
        self.assertTrue(is_mapped())
        del capsule
        gc.collect()
        self.assertFalse(is_mapped())

    def test_a_thousand_dropped_capsules_leave_no_memory_behind(self):
        file = bundled.data("gguf", "llama-Q8_0", "llama-Q8_0.gguf")
        part = bundled.new_registry(self).register("a", file).parts["ffn_0"]

        def make_and_drop(count):
            for _ in range(count):
                for tensor in part.tensors.values():
                    tensor.__dlpack__()
                    tensor.__dlpack__(max_version=(1, 0), copy=True)

        make_and_drop(100)
        before = bundled.resident_bytes()
        make_and_drop(1000)
        self.assertLess(bundled.resident_bytes() - before, 2 << 20)


if __name__ == "__main__":
    unittest.main()

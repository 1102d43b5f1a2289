import ctypes
import os
import shutil
import struct
import unittest

import garage

import bundled


class ChangedCheckpointTest(unittest.TestCase):
    def setUp(self):
        self.folder = bundled.new_folder(self) / "checkpoint"
        shutil.copytree(bundled.reference("llama-3.1"), self.folder)
        self.weights = self.folder / "model.safetensors"
        self.part = bundled.new_registry(self).register("a", self.folder).parts["attention_0"]

    def test_one_that_changed_since_it_was_registered_is_refused(self):
        config = self.folder / "config.json"
        config.write_text(config.read_text() + "\n")
        with self.assertRaisesRegex(garage.CorruptError, "changed since 'a' was registered"):
            self.part.tensors["q.weight"]

    def test_one_that_changes_after_a_tensor_was_taken_is_refused_too(self):
        self.part.tensors["q.weight"].require_unchanged()
        config = self.folder / "config.json"
        config.write_text(config.read_text() + "\n")
        with self.assertRaisesRegex(garage.CorruptError, "changed since 'a' was registered"):
            self.part.tensors["q.weight"]

    def test_numbers_of_the_same_headers_that_were_written_over_are_the_new_ones(self):
        old = self.part.tensors["q.weight"]
        content = bytearray(self.weights.read_bytes())
        content[-4:] = b"\0\0\0\0"
        self.weights.unlink()
        self.weights.write_bytes(content)
        new = self.part.tensors["q.weight"]
        self.assertNotEqual(new.data_ptr, old.data_ptr)
        new.require_unchanged()

    def test_a_file_that_is_gone_is_refused(self):
        self.weights.unlink()
        with self.assertRaises(garage.Error):
            self.part.tensors["q.weight"]

    def test_pages_of_a_file_that_was_cut_off_read_as_nan_and_the_tensor_says_so(self):
        # Of more than a page, so that some are gone.
        tensor = self.part.tensors["q.weight"]
        start = tensor.data_ptr
        os.truncate(self.weights, 4096)
        size = os.sysconf("SC_PAGE_SIZE")
        page = (start + size) // size * size
        values = struct.unpack("<8f", ctypes.string_at(page, 32))
        self.assertTrue(all(value != value for value in values), values)
        with self.assertRaisesRegex(garage.CorruptError, "was cut off from [0-9]+ to 4096 bytes"):
            tensor.require_unchanged()
        with self.assertRaises(garage.Error):
            self.part.tensors["q.weight"]


if __name__ == "__main__":
    unittest.main()

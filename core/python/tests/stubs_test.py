import ast
import pathlib
import unittest

import garage
from garage import _garage


def is_public(name):
    return not name.startswith("_") or name in ("__dlpack__", "__dlpack_device__", "__array__", "__getitem__")


class StubsTest(unittest.TestCase):
    def setUp(self):
        stub = pathlib.Path(garage.__file__).with_name("_garage.pyi")
        self.stub = ast.parse(stub.read_text())

    def test_the_package_is_typed(self):
        self.assertTrue(pathlib.Path(garage.__file__).with_name("py.typed").exists())

    def test_every_class_and_member_has_its_types(self):
        described = {node.name: node for node in self.stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
        self.assertEqual(set(described), {name for name in vars(_garage) if is_public(name)})
        for name, node in described.items():
            if not isinstance(node, ast.ClassDef) or name in ("Parts", "Tensors", "SwapLevel"):
                continue  # mappings have their members from Mapping, an enumeration from Python
            with self.subTest(name):
                members = {member.name for member in node.body if isinstance(member, ast.FunctionDef)}
                self.assertEqual({member for member in members if is_public(member)},
                                 {member for member in vars(getattr(_garage, name)) if is_public(member)})

    def test_what_the_package_offers_is_there_and_says_what_it_is(self):
        for name in garage.__all__:
            with self.subTest(name):
                self.assertTrue(getattr(garage, name).__doc__)


if __name__ == "__main__":
    unittest.main()

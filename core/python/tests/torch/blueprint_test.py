"""What is read of blueprints, and what is refused: a word that is not known is never passed over."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import pkgutil
import re
import typing
import unittest

from variants import ROOT, FolderSource, family_variants, garage_torch, reference_variants

import garage.torch.ops
from garage.torch.blueprint import TensorRef, read
from garage.torch.errors import BlueprintError, Unsupported
from garage.torch.ops.module_factory import OPS, blueprint_of

HEADERS = ROOT / "core" / "include" / "garage" / "blueprint"
NEW_WORD = "garage_new_word"


def structs() -> dict[str, type]:
    """Every dataclass of the ops, by its name."""
    found: dict[str, type] = {"TensorRef": TensorRef}
    for module in pkgutil.iter_modules(garage.torch.ops.__path__):
        for name, value in vars(importlib.import_module(f"garage.torch.ops.{module.name}")).items():
            if isinstance(value, type) and dataclasses.is_dataclass(value):
                found[name] = value
    return found


def literals(kind: type) -> set[str]:
    """Every word that a member of the struct may be."""
    found = set()
    for hint in typing.get_type_hints(kind).values():
        for one in (hint, *typing.get_args(hint)):
            if typing.get_origin(one) is typing.Literal:
                found |= set(typing.get_args(one))
    return found


def dicts(value: object, at: tuple = ()) -> list[tuple]:
    """Where objects lie in a document: of lists the first item alone. A view step has no members."""
    if isinstance(value, list):
        return dicts(value[0], (*at, 0)) if value and at[-1] != "view" else []
    if not isinstance(value, dict):
        return []
    return [at] + [place for key, inner in value.items() for place in dicts(inner, (*at, key))]


class HeadersTest(unittest.TestCase):
    """The structs here are those of the C++ headers, whose members are the document's words."""

    def setUp(self) -> None:
        self.text = "\n".join(path.read_text() for path in sorted(HEADERS.glob("*.hpp")))

    def test_every_struct_has_the_members_of_its_header(self) -> None:
        ours = structs()
        described = re.findall(r"BOOST_DESCRIBE_STRUCT\((\w+), \(\),\s*\(([^)]*)\)\)", self.text)
        self.assertGreater(len(described), 30)
        for name, members in described:
            if name in ("Custom", "ShapedTensor"):  # nobody reads what a plugin's own code is told
                continue
            with self.subTest(name):
                theirs = {member.strip() for member in members.split(",")}
                self.assertEqual({field.name.rstrip("_") for field in dataclasses.fields(ours[name])}, theirs)

    def test_what_is_left_out_has_the_value_of_its_header(self) -> None:
        ours, compared = structs(), 0
        for name, body in re.findall(r"^struct (\w+) \{$(.*?)^\};$", self.text, re.MULTILINE | re.DOTALL):
            fields = {field.name.rstrip("_"): field for field in dataclasses.fields(ours[name])} if name in ours else {}
            for member, value in re.findall(r"^  [\w:]+ (\w+) = ([\w.]+);", body, re.MULTILINE):
                default = fields[member].default if member in fields else dataclasses.MISSING
                if default is dataclasses.MISSING:  # nobody may leave it out
                    continue
                theirs = {"true": True, "false": False}[value] if value.isalpha() else float(value)
                with self.subTest(f"{name}.{member}"):
                    self.assertEqual(default, theirs)
                compared += 1
            for members in re.findall(r"^  (?:std::optional|Apart|std::vector)<.*> ([\w, ]+);", body, re.MULTILINE):
                for member in members.split(", ") if fields else ():
                    with self.subTest(f"{name}.{member}"):
                        self.assertIn(fields[member].default, (None, (), dataclasses.MISSING))
                    compared += 1
        self.assertGreater(compared, 80)

    def test_every_enumerator_is_known(self) -> None:
        known = set().union(*(literals(kind) for kind in structs().values()))
        for name, words in re.findall(r"BOOST_DESCRIBE_ENUM\((\w+), ([^)]*)\)", self.text):
            with self.subTest(name):
                self.assertLessEqual({word.strip() for word in words.split(",")}, known)

    def test_every_op_is_known(self) -> None:
        variant = (HEADERS.parent / "blueprint.hpp").read_text().split("using Blueprint =")[1].split(";")[0]
        names = set(re.findall(r"\w+", variant.replace("std::variant", "")))
        self.assertEqual({blueprint.__name__ for blueprint, _ in OPS.values()} | {"Custom"}, names)


class RefusalTest(unittest.TestCase):
    def documents(self) -> list[dict]:
        return [variant.source().document for variant in (*reference_variants(), *family_variants())]

    def test_an_unknown_member_is_refused_by_its_name_wherever_it_stands(self) -> None:
        tried = set()
        for document in self.documents():
            for part, spec in document["parts"].items():
                op = spec["blueprint"]["op"]
                for place in dicts(spec["blueprint"]) if op != "custom" else ():
                    if (op, place) in tried:
                        continue
                    tried.add((op, place))
                    with self.subTest(op=op, place=place), self.assertRaisesRegex(BlueprintError, NEW_WORD):
                        blueprint_of(self.with_word(document, part, place), part)
        self.assertGreater(len(tried), 150)

    def with_word(self, document: dict, part: str, place: tuple) -> dict:
        blueprint = copy.deepcopy(document["parts"][part]["blueprint"])
        inner = blueprint
        for step in place:
            inner = inner[step]
        inner[NEW_WORD] = 1
        return {"parts": {part: {"blueprint": blueprint}}}

    def refused(self, blueprint: dict, words: str) -> None:
        with self.assertRaisesRegex(BlueprintError, words):
            blueprint_of({"parts": {"p": {"blueprint": blueprint}}}, "p")

    def test_other_faults_are_refused_in_words(self) -> None:
        norm = {"op": "norm", "kind": "rms", "size": 4, "eps": 1e-6, "weight": {"tensor": "w"}}
        linear = {"op": "linear", "in": 4, "out": 4, "weight": {"tensor": "w"}}
        self.refused({"op": "quantum"}, "an op 'quantum', which this version")
        self.refused({**norm, "kind": "group"}, "blueprint.kind is 'group', which this version")
        self.refused({**norm, "kind": "l2"}, "of kind l2, and has a 'weight'")
        self.refused({**norm, "eps": 0}, "has eps 0.0, should be above 0")
        self.refused({key: value for key, value in norm.items() if key != "eps"}, "blueprint has no 'eps'")
        self.refused({**norm, "size": "four"}, "blueprint.size should be of int, is 'four'")
        self.refused({**norm, "size": True}, "blueprint.size should be of int, is True")
        self.refused({**norm, "weight": "w"}, "blueprint.weight should be an object, is 'w'")
        for step, words in (({"permute": [1, 0]}, "a view step 'permute', which"),
                            ({"select": [1]}, "has 1 arguments, should have 2"),
                            ({"select": [0, 1], "narrow": [0, 0, 1]}, "should be one view step")):
            self.refused({**linear, "weight": {"tensor": "w", "view": [step]}}, words)

    def test_an_attention_that_contradicts_itself_is_refused(self) -> None:
        linear = {"in": 4, "out": 4, "weight": {"tensor": "w"}}
        attention = {"op": "attention", "heads": 2, "kv_heads": 2, "qk_dim": 2, "v_dim": 2, "scale": 1, "q": linear,
                     "k": linear, "v": linear, "o": linear}
        blueprint_of({"parts": {"p": {"blueprint": attention}}}, "p")
        self.refused({**attention, "kv_heads": 3}, "2 heads, which cannot share 3 kv_heads")
        self.refused({**attention, "keys_of": "other"}, "should have one of 'k', 'latent' and 'keys_of'")
        self.refused({**attention, "values_are_keys": True}, "should have one of 'v' and values_are_keys")
        self.refused({**attention, "gate_kind": "softplus"}, "has a 'gate_kind' and no 'gate'")
        self.refused({**attention, "norms_after_position": True}, "has norms_after_position and no 'q_norm'")
        self.refused({**attention, "position": {"sinks": {}}}, "position is of a kind .* does not know: sinks")
        self.refused({**attention, "q": {"low_rank": {"down": linear, "up": linear, "middle": linear}}}, "'middle'")
        self.refused({**attention, "mask": {"causal": True, "window": 0}}, "mask has window 0, should be above 0")

    def test_null_is_as_if_left_out(self) -> None:
        kind = OPS["norm"][0]
        norm = read(kind, {"kind": "layer", "size": 4, "eps": 1e-6, "weight": None}, "p")
        self.assertIsNone(norm.weight)
        with self.assertRaisesRegex(BlueprintError, "p.size should be of int, is None"):
            read(kind, {"kind": "layer", "size": None, "eps": 1e-6}, "p")

    def test_a_custom_part_is_refused_with_the_reason(self) -> None:
        blueprint = {"op": "custom", "builder": "mlstm", "attributes": {}, "tensors": {}, "parts": []}
        source = FolderSource({"root": "p", "parts": {"p": {"blueprint": blueprint}}}, {})
        with self.assertRaisesRegex(Unsupported, "part 'p' is custom: the code 'mlstm' of the model's plugin computes"):
            garage_torch.module_of(source)
        blueprint["builder"] = ""
        with self.assertRaisesRegex(Unsupported, "part 'p' is custom: nothing computes it"):
            garage_torch.module_of(source)

    def test_a_tensor_of_another_shape_is_refused(self) -> None:
        import torch

        blueprint = {"op": "linear", "in": 4, "out": 3, "weight": {"tensor": "w"}}
        source = FolderSource({"root": "p", "parts": {"p": {"blueprint": blueprint}}}, {"w": torch.ones(4, 3)})
        with self.assertRaisesRegex(BlueprintError, r"p: 'weight' should be \[3, 4\], tensor 'w' .* is \[4, 3\]"):
            garage_torch.module_of(source)
        blueprint["weight"]["view"] = [{"narrow": [0, 2, 3]}]
        with self.assertRaisesRegex(BlueprintError, r"tensor 'w': narrow \[0, 2, 3\] does not fit \[4, 3\]"):
            garage_torch.module_of(source)

    def test_a_part_that_is_not_there_is_not_made(self) -> None:
        with self.assertRaisesRegex(KeyError, "has no part 'q'"):
            garage_torch.module_of(FolderSource({"model_id": "m", "parts": {}}, {}), "q")


if __name__ == "__main__":
    unittest.main()

"""Modules as PyTorch has them: names, parameters, gradients, hooks, dtypes."""

from __future__ import annotations

import concurrent.futures
import copy
import pickle
import unittest

import torch

from variants import FolderSource, Variant, garage_torch, made

from garage.torch.blueprint import TensorRef, walk
from garage.torch.ops.module_factory import blueprint_of

LLAMA = Variant("ref", "llama-2")
GPT2 = Variant("ref", "gpt2")
IDS = torch.arange(12).view(2, 6)


class NamesTest(unittest.TestCase):
    def test_parameters_bear_the_roles_names(self) -> None:
        attention = made(GPT2, "attention_0")
        roles = {f"{role}.{kind}" for role in "qkvo" for kind in ("weight", "bias")}
        self.assertEqual(set(attention.state_dict()), roles)
        latent = set(made(Variant("deepseek", "deepseek-v3"), "attention_0").state_dict())
        self.assertLessEqual({"q.down.weight", "q.norm.weight", "q.up.weight", "latent.norm.weight"}, latent)
        heads = set(made(Variant("stablelm", "stablelm-2"), "attention_0").state_dict())
        self.assertIn("head_norms.q.0.weight", heads)

    def test_every_part_is_found_by_its_name(self) -> None:
        model = made(Variant("bart", "bart"))
        parts = garage_torch.parts(model)
        self.assertIs(parts["model"], model)
        self.assertIs(parts["encoder.attention_1"], model.get_submodule("encoder.layer_1.attention_1"))
        self.assertIs(parts["decoder.cross_attention_0"], model.get_submodule("decoder.layer_0.cross_attention_0"))
        document = Variant("bart", "bart").source().document
        self.assertEqual(set(parts), set(document["parts"]))

    def test_a_tied_head_shares_its_embeddings_parameter(self) -> None:
        model = made(GPT2)
        parts = garage_torch.parts(model)
        self.assertIs(parts["output_head"].weight, parts["embedding"].weight)
        document = GPT2.source().document
        self.assertEqual(sum(one.numel() for one in model.parameters()), document["parameters"])

    def test_a_part_that_recurs_is_one_module(self) -> None:
        albert = Variant("bert", "albert")
        count = sum(one.numel() for one in made(albert).parameters())
        self.assertEqual(count, albert.source().document["parameters"])

    def test_a_correction_is_a_buffer(self) -> None:
        parts = garage_torch.parts(made(Variant("deepseek", "deepseek-v3")))
        router = next(part for part in parts.values() if type(part).__name__ == "RouterModule")
        self.assertIn("correction", dict(router.named_buffers()))
        self.assertNotIn("correction", dict(router.named_parameters()))


class HooksTest(unittest.TestCase):
    def test_a_hook_on_each_part_sees_what_it_gives(self) -> None:
        model = made(LLAMA)
        seen: dict[str, torch.Tensor] = {}
        for name, part in garage_torch.parts(model).items():
            part.register_forward_hook(lambda module, given, output, name=name: seen.__setitem__(name, output))
        output = model(IDS)
        self.assertEqual(set(seen), set(garage_torch.parts(model)))
        self.assertTrue(torch.equal(seen["model"], output))
        self.assertEqual(seen["attention_1"].shape, (2, 6, 32))

    def test_what_a_hook_gives_instead_goes_on(self) -> None:
        model = made(LLAMA)
        plain = model(IDS)
        handle = garage_torch.parts(model)["ffn_1"].register_forward_hook(lambda module, given, output: output * 0)
        self.assertFalse(torch.allclose(model(IDS), plain))
        handle.remove()
        self.assertTrue(torch.equal(model(IDS), plain))

    def test_a_part_may_be_put_in_anothers_place(self) -> None:
        model, other = made(LLAMA), made(LLAMA, "layer_0")
        model.layer_2 = other
        model.layer_1 = torch.nn.Linear(32, 32)
        with self.assertRaises(TypeError):
            model(IDS)  # what stands in a part's place takes (x, pass)


class DtypesTest(unittest.TestCase):
    def test_a_part_computes_in_the_dtype_that_is_asked_for(self) -> None:
        for dtype in (torch.bfloat16, torch.float64):
            output = made(LLAMA, dtype=dtype)(IDS)
            self.assertEqual(output.dtype, dtype)
            self.assertLess(float((output - made(LLAMA)(IDS)).detach().abs().max()), 0.1)
        with self.assertRaisesRegex(ValueError, "torch.int64 is none that parts compute in"):
            made(LLAMA, dtype=torch.int64)

    def test_of_several_stored_dtypes_the_widest_counts(self) -> None:
        source = LLAMA.source()
        tensors = {name: source.read("model", TensorRef(name)).bfloat16() for name in names_of(source.document)}
        document = {**source.document, "dtypes": {"BF16": len(tensors)}}
        narrow = garage_torch.module_of(FolderSource(document, tensors))
        self.assertEqual({one.dtype for one in narrow.parameters()}, {torch.bfloat16})
        mixed = {name: one.float() if "norm" in name else one for name, one in tensors.items()}
        document = {**source.document, "dtypes": {"BF16": 20, "F32": 10}}
        whole = garage_torch.module_of(FolderSource(document, mixed))
        self.assertEqual({one.dtype for one in whole.parameters()}, {torch.float32})
        attention = garage_torch.module_of(FolderSource(document, mixed), "attention_0")
        self.assertEqual({one.dtype for one in attention.parameters()}, {torch.bfloat16})

    def test_numbers_in_which_nothing_computes_need_a_dtype(self) -> None:
        linear = {"op": "linear", "in": 2, "out": 2, "weight": {"tensor": "w"}}
        document = {"root": "p", "parts": {"p": {"blueprint": linear}}}
        source = FolderSource(document, {"w": torch.ones(2, 2, dtype=torch.uint8)})
        with self.assertRaisesRegex(garage_torch.Unsupported, "tensor .w. is stored as torch.uint8, in which no part"):
            garage_torch.module_of(source)
        self.assertEqual(garage_torch.module_of(source, dtype=torch.float32)(torch.ones(1, 2)).tolist(), [[2.0, 2.0]])

    def test_parts_of_one_model_may_compute_in_several_dtypes(self) -> None:
        model = made(LLAMA)
        plain = model(IDS)
        garage_torch.parts(model)["layer_1"].to(torch.float64)
        self.assertTrue(torch.allclose(model(IDS), plain, atol=1e-5))
        garage_torch.parts(model)["attention_2"].to(torch.bfloat16)
        self.assertTrue(torch.allclose(model(IDS), plain, atol=0.05))

    def test_a_view_is_not_copied_where_nobody_asks(self) -> None:
        source = LLAMA.source()
        name = "model.layers.0.self_attn.q_proj.weight"
        stored = source.read("attention_0", TensorRef(name))
        viewed, copied = (made(LLAMA, "attention_0", copy=copy).q.weight for copy in (False, True))
        self.assertEqual(viewed.data_ptr(), stored.data_ptr())
        self.assertNotEqual(copied.data_ptr(), stored.data_ptr())

    def test_a_copy_of_a_module_is_one_of_its_own(self) -> None:
        for variant in (LLAMA, Variant("bloom", "bloom"), Variant("bert", "roformer"), Variant("t5", "t5")):
            part = "encoder.layer_0" if variant.family == "t5" else "layer_0"
            module = made(variant, part)
            x = variant.computed()[f"{part}.in"]
            for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
                self.assertTrue(torch.equal(module(x), other(x)))
                with torch.no_grad():
                    for one in other.parameters():
                        one.zero_()
                self.assertFalse(torch.equal(module(x), other(x)))

    def test_one_model_runs_for_several_threads_at_once(self) -> None:
        model = made(Variant("qwen", "qwen3-next"), dtype=torch.float32).requires_grad_(False)
        batches = [(torch.arange(length)[None] * step) % 24 + 8 for length in (5, 20, 70) for step in (1, 3)]
        alone = [model(ids) for ids in batches]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            together = list(pool.map(model, batches * 4))
        self.assertTrue(all(torch.equal(one, other) for one, other in zip(together, alone * 4)))


def names_of(document: dict) -> set[str]:
    found = set()
    for part in document["parts"]:
        found |= {value.tensor for value in walk(blueprint_of(document, part)) if isinstance(value, TensorRef)}
    return found


if __name__ == "__main__":
    unittest.main()

import json
import subprocess
import sys
import threading
import unittest

import garage

import bundled


class RegistryTest(unittest.TestCase):
    def test_a_registered_model_has_its_dimensions_and_parts(self):
        registry = bundled.new_registry(self)
        spec = registry.register("me/llama", bundled.reference("llama-3.1"))
        self.assertEqual((spec.model_id, spec.family, spec.hidden_dim, spec.num_layers), ("me/llama", "llama", 32, 3))
        self.assertEqual(spec.parameters, 31712)
        self.assertEqual(len(spec.parts), 20)
        self.assertEqual(spec.root, "model")
        self.assertEqual(spec.path, bundled.reference("llama-3.1"))
        self.assertEqual(registry.models(), ["me/llama"])
        self.assertEqual(registry.summaries()[0].parts, 20)

    def test_the_spec_as_plain_values_is_the_catalogs_document(self):
        registry = bundled.new_registry(self, "gpt2")
        (file,) = registry.catalog.glob("*.json")
        self.assertEqual(registry.spec("gpt2").to_dict(), json.loads(file.read_text()))

    def test_parts_are_listed_by_type_and_by_layer(self):
        registry = bundled.new_registry(self, "llama-3.1")
        self.assertEqual([part.name for part in registry.parts("llama-3.1", type="attention")],
                         ["attention_0", "attention_1", "attention_2"])
        self.assertEqual({part.layer for part in registry.parts("llama-3.1", layer=1)}, {1})
        with self.assertRaisesRegex(garage.NotFoundError, "did you mean 'attention'"):
            registry.parts("llama-3.1", type="atention")
        with self.assertRaisesRegex(garage.NotFoundError, "its layers are 0 to 2"):
            registry.parts("llama-3.1", layer=3)

    def test_a_part_says_what_it_is(self):
        part = bundled.new_registry(self, "llama-3.1").part("llama-3.1", "attention_1")
        self.assertEqual((part.type, part.layer, part.module_path), ("attention", 1, "model.layers.1.self_attn"))
        self.assertEqual(part.dims, {"input_dim": 32, "output_dim": 32, "num_heads": 4, "head_dim": 8,
                                     "intermediate_dim": None})
        self.assertEqual(part.blueprint["op"], "attention")
        self.assertEqual(part.blueprint, part.to_dict()["blueprint"])
        self.assertEqual(part.parameters, 3072)
        self.assertEqual(part.model_id, "llama-3.1")

    def test_a_layer_names_its_children(self):
        spec = bundled.new_registry(self, "llama-3.1").spec("llama-3.1")
        children = spec.parts["layer_0"].children
        self.assertEqual(set(children), {"input_layernorm_0", "attention_0", "post_attention_layernorm_0", "ffn_0"})
        self.assertTrue(all(child in spec.parts for child in children))

    def test_parts_are_a_mapping(self):
        parts = bundled.new_registry(self, "gpt2").spec("gpt2").parts
        self.assertEqual(list(parts), [part.name for part in parts.values()])
        self.assertIn("ffn_0", parts)
        self.assertIsNone(parts.get("ffn_9"))
        with self.assertRaisesRegex(KeyError, "did you mean"):
            parts["ffn_9"]

    def test_what_plugins_say_of_a_checkpoint_is_told(self):
        registry = bundled.new_registry(self)
        claim = registry.detect(bundled.reference("gpt2"))
        self.assertEqual((claim.family, claim.plugin, claim.score), ("gpt2", "gpt2", 100))
        self.assertIn("gpt2", claim.reason)
        self.assertGreater(len(registry.claims(bundled.reference("gpt2"))), 6)

    def test_a_removed_model_is_gone_and_its_spec_stays(self):
        registry = bundled.new_registry(self, "gpt2")
        spec = registry.spec("gpt2")
        self.assertTrue(registry.remove("gpt2"))
        self.assertFalse(registry.remove("gpt2"))
        self.assertEqual(spec.num_layers, 3)
        with self.assertRaises(garage.NotFoundError):
            registry.spec("gpt2")

    def test_a_broken_file_in_the_catalog_is_a_warning_and_no_error(self):
        registry = bundled.new_registry(self, "gpt2")
        (registry.catalog / "broken.json").write_text("{")
        with self.assertWarnsRegex(garage.Note, "broken.json"):
            self.assertEqual(registry.models(), ["gpt2"])

    def test_threads_ask_one_registry(self):
        registry = bundled.new_registry(self, "gpt2", "llama-3.1", "mixtral")
        faults = []

        def ask():
            try:
                for model in ("gpt2", "llama-3.1", "mixtral"):
                    registry.compare(model, "gpt2")
                    for part in registry.parts(model):
                        for tensor in part.tensors.values():
                            assert tensor.nbytes > 0
            except Exception as fault:  # of a thread: it would be lost
                faults.append(fault)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])

    def test_threads_register_and_others_run_meanwhile(self):
        registry = bundled.new_registry(self)
        models = ("gpt2", "llama-2", "mixtral", "qwen3")
        done = threading.Event()
        steps = 0

        def count():
            nonlocal steps
            while not done.wait(0.001):
                steps += 1

        counting = threading.Thread(target=count)
        threads = [threading.Thread(target=registry.register, args=(model, bundled.reference(model)))
                   for model in models]
        counting.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        counting.join()
        self.assertEqual(registry.models(), sorted(models))
        self.assertGreater(steps, 0)

    def test_neither_numpy_nor_torch_is_imported_and_no_libtorch_is_mapped(self):
        script = ("import sys, garage; r = garage.Registry(catalog=sys.argv[1]); s = r.register('a', sys.argv[2]); "
                  "s.parts['attention_0'].tensors['q.weight'].__dlpack__(); "
                  "print([m for m in ('numpy', 'torch') if m in sys.modules], "
                  "'libtorch' in open('/proc/self/maps').read())")
        done = subprocess.run([sys.executable, "-c", script, bundled.new_folder(self), bundled.reference("gpt2")],
                              capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("[] False\n", ""))


if __name__ == "__main__":
    unittest.main()

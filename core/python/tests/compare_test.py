import unittest

import garage

import bundled


class CompareTest(unittest.TestCase):
    def test_a_comparison_says_how_far_and_why_not_further(self):
        registry = bundled.new_registry(self, "llama-2", "qwen2-mha")
        comparison = registry.compare("llama-2", "qwen2-mha")
        self.assertEqual(comparison.families, ["llama", "qwen"])
        (attention,) = [swap for swap in comparison.swaps if swap.part_type == "attention"]
        self.assertEqual(attention.level, garage.SwapLevel.drop_in)
        self.assertEqual(attention.a, "attention_{0..2}")
        self.assertIn("q.bias", [reason.field for reason in attention.reasons])
        self.assertEqual(comparison.levels["ffn"], garage.SwapLevel.identical)
        self.assertGreater(garage.SwapLevel.identical, garage.SwapLevel.weights)

    def test_it_is_there_as_plain_values_too(self):
        registry = bundled.new_registry(self, "llama-2", "qwen2-mha")
        document = registry.compare("llama-2", "qwen2-mha").to_dict()
        self.assertEqual(document["models"], ["llama-2", "qwen2-mha"])
        self.assertIn({"field": "q.bias", "a": "-", "b": "[32]"},
                      [reason for swap in document["swaps"] for reason in swap["reasons"]])

    def test_specs_are_compared_without_a_registry(self):
        registry = bundled.new_registry(self, "llama-2", "qwen2-mha")
        one, other = registry.spec("llama-2"), registry.spec("qwen2-mha")
        del registry
        self.assertEqual(garage.compare(one, other).models, ["llama-2", "qwen2-mha"])

    def test_a_model_that_is_not_there_is_named(self):
        with self.assertRaisesRegex(garage.NotFoundError, "'llama-3' is not in the catalog .*did you mean 'llama-2'"):
            bundled.new_registry(self, "llama-2").compare("llama-2", "llama-3")


class FindTest(unittest.TestCase):
    def test_parts_are_found_by_what_they_are(self):
        registry = bundled.new_registry(self, "llama-3.1", "gpt2")
        (found,) = registry.find(type="attention", kv_heads=2)
        self.assertEqual((found.model, found.parts, found.level), ("llama-3.1", "attention_{0..2}", None))
        self.assertEqual(registry.find(type="attention", kv_heads=3), [])

    def test_parts_are_found_by_what_they_could_stand_for(self):
        registry = bundled.new_registry(self, "llama-2", "mistral")
        part = registry.part("llama-2", "ffn_0")
        for like in (part, ("llama-2", "ffn_0"), "llama-2:ffn_0"):
            found = registry.find(swappable_with=like, level="identical")
            self.assertEqual([(each.model, each.parts) for each in found],
                             [("llama-2", "ffn_{1..2}"), ("mistral", "ffn_{0..2}")])
            self.assertEqual(found[0].level, garage.SwapLevel.identical)

    def test_a_question_that_is_none_is_refused(self):
        registry = bundled.new_registry(self, "llama-2")
        with self.assertRaisesRegex(garage.InvalidArgumentError, "takes ID:PART"):
            registry.find(swappable_with="llama-2")
        with self.assertRaisesRegex(garage.InvalidArgumentError, "not 'same'"):
            registry.find(swappable_with="llama-2:ffn_0", level="same")


if __name__ == "__main__":
    unittest.main()

"""What a caller says of the tokens, and sequences that are long."""

from __future__ import annotations

import unittest

import torch

from reference_rules import TOLERANCE, error
from safetensors_file import read_tensors
from variants import Variant, garage_torch, ids_of, model_of

LONG = 10


class LongTest(unittest.TestCase):
    def test_distances_share_buckets_far_away_and_the_last_beyond_all(self) -> None:
        for variant in ("t5", "umt5"):
            given = read_tensors(Variant("t5", variant).checkpoint.parent / "long.safetensors")
            logits = model_of("t5", variant)(given["input_ids"], decoder_input_ids=given["decoder_input_ids"])
            self.assertLessEqual(error(logits, given["logits"]), TOLERANCE)

    def test_a_memory_goes_on_over_chunks_and_from_piece_to_piece(self) -> None:
        for family, variant in (("qwen", "qwen3-next"), ("mamba2", "mamba2"), ("mamba2", "falcon-mamba")):
            with self.subTest(variant):
                given = read_tensors(Variant(family, variant).checkpoint.parent / "long.safetensors")
                x, expected = given["mixer_0.in"], given["mixer_0.out"]
                mixer = model_of(family, variant, "mixer_0")
                self.assertLessEqual(error(mixer(x), expected), TOLERANCE)
                state = garage_torch.State()
                pieces = [mixer(x[:, start : start + length], state=state)
                          for start, length in ((0, 1), (1, 2), (3, 70), (73, 1), (74, 76))]
                self.assertLessEqual(error(torch.cat(pieces, 1), expected), TOLERANCE)
                self.assertEqual(len(state), 150)
                with self.assertRaisesRegex(garage_torch.Unsupported, "does not say which tokens are padding"):
                    mixer(x, mask=torch.zeros(1, 1, 150, 150))


class SaidTest(unittest.TestCase):
    def setUp(self) -> None:
        self.model = model_of("ref", "llama-2")
        self.ids = ids_of(LONG)[None]

    def test_a_callers_mask_and_positions_are_the_parts_own(self) -> None:
        plain = self.model(self.ids)
        causal = torch.full((1, 1, LONG, LONG), float("-inf")).triu(1)
        self.assertLessEqual(error(self.model(self.ids, mask=causal), plain), TOLERANCE)
        counted = torch.arange(LONG)[None]
        self.assertTrue(torch.equal(self.model(self.ids, position_ids=counted), plain))
        self.assertTrue(torch.equal(self.model(input_ids=self.ids), plain))
        # A rope turns by distance.
        self.assertLessEqual(error(self.model(self.ids, position_ids=counted + 7), plain), TOLERANCE)
        self.assertGreater(error(self.model(self.ids, position_ids=counted * 2), plain), 1e-3)

    def test_llama_4s_queries_grow_by_how_many_tokens_came_before(self) -> None:
        variant = Variant("llama", "llama4-text")
        computed = variant.computed()
        x = computed["attention_2.in"]
        later = torch.arange(x.shape[1])[None] + 40
        output = model_of("llama", "llama4-text", "attention_2")(x, position_ids=later)
        self.assertLessEqual(error(output, computed["attention_2.out"]), TOLERANCE)

    def test_what_nobody_reads_is_refused(self) -> None:
        refused = {
            "token_type_ids": (torch.zeros_like(self.ids), "has no embedding that token_type_ids could choose from"),
            "task_type_ids": (torch.zeros_like(self.ids), "has no embedding that task_type_ids could choose from"),
            "decoder_input_ids": (self.ids, "'decoder_input_ids' is what a whole encoder-decoder reads"),
            "decoder_attention_mask": (self.ids, "'decoder_attention_mask' is what a whole encoder-decoder reads"),
            "attention_mask": (torch.ones(1, 3, dtype=torch.int64), r"a mask of padding should be \(1, 10\)"),
        }
        for name, (value, words) in refused.items():
            with self.subTest(name), self.assertRaisesRegex(ValueError, words):
                self.model(self.ids, **{name: value})
        with self.assertRaisesRegex(TypeError, "no argument is called 'labels'; there are position_ids,"):
            self.model(self.ids, labels=self.ids)
        for mask in (torch.ones(1, 1, LONG, LONG).bool(), torch.zeros(LONG, LONG)):
            with self.assertRaisesRegex(ValueError, "mask is added to the scores, and should be"):
                self.model(self.ids, mask=mask)
        with self.assertRaisesRegex(ValueError, "mask should be of 10 queries and 10 keys"):
            self.model(self.ids, mask=torch.zeros(1, 1, LONG, 1))
        with self.assertRaisesRegex(ValueError, r"position_ids should be \(1 or 1, 10\)"):
            self.model(self.ids, position_ids=torch.zeros(1, 1, dtype=torch.int64))
        with self.assertRaisesRegex(ValueError, r"position_ids should be \(batch, seq\) of int64"):
            self.model(self.ids, position_ids=torch.zeros(1, LONG))
        with self.assertRaisesRegex(TypeError, "state should be a State, is dict"):
            self.model(self.ids, state={})

    def test_what_does_not_fit_is_refused(self) -> None:
        layer = model_of("ref", "llama-2", "layer_0")
        for given, words in ((None, "should be given hidden states or ids once, is 0 times"),
                             (torch.ones(1, 2, 31), "takes hidden_states"),
                             (self.ids, "takes hidden_states")):
            with self.subTest(words), self.assertRaisesRegex(ValueError, words):
                layer(given)
        with self.assertRaisesRegex(ValueError, "embedding: ids should be .*float32"):
            self.model(torch.ones(1, 3))
        with self.assertRaisesRegex(ValueError, "embedding: id 96 is outside its 96 rows"):
            self.model(torch.tensor([[96]]))
        attention = model_of("ref", "llama-2", "attention_0")
        with self.assertRaisesRegex(ValueError, r"attention_0: hidden_states should be \(batch, seq, 32\) of float32"):
            attention(torch.ones(2, 3, 31))
        cross = model_of("bart", "bart", "decoder.cross_attention_0")
        with self.assertRaisesRegex(ValueError, r"needs encoder_hidden_states, \(2, seq, 16\); was given nothing"):
            cross(torch.ones(2, 3, 16))
        bart = model_of("bart", "bart")
        with self.assertRaisesRegex(ValueError, "needs decoder_input_ids"):
            bart(self.ids)
        with self.assertRaisesRegex(ValueError, "encoder_attention_mask is of encoder_hidden_states, which are not"):
            bart(self.ids, decoder_input_ids=self.ids, encoder_attention_mask=torch.ones_like(self.ids))
        with self.assertRaisesRegex(TypeError, "what goes beside its input is said by name"):
            self.model(self.ids, torch.ones_like(self.ids))

    def test_what_looks_at_another_part_runs_once_that_has_run_with_the_same_state(self) -> None:
        x = Variant("gemma", "gemma-4-shared-text").computed()["layer_4.in"]
        with self.assertRaisesRegex(ValueError, "attention_4: looks at the keys and values of 'attention_1'"):
            model_of("gemma", "gemma-4-shared-text", "attention_4")(x)

    def test_bigbird_computes_what_each_position_sees_all_of_and_no_more(self) -> None:
        attention = model_of("bert", "big-bird", "attention_0")
        longest = attention.attention.mask.longest
        width = attention.q.weight.shape[1]
        attention(torch.zeros(1, longest, width))
        with self.assertRaisesRegex(garage_torch.Unsupported, f"of {longest + 1} positions each would see blocks"):
            attention(torch.zeros(1, longest + 1, width))


if __name__ == "__main__":
    unittest.main()

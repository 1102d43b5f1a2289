"""Every part, and the model, against what transformers computed of the same weights: within 1e-5 of the largest value.

Printed as a table: how many parts of a variant were compared, the worst of them, the logits, and what was refused.
"""

from __future__ import annotations

import unittest

import torch
from torch import Tensor

from reference_rules import (OWN_ROUNDING, TOLERANCE, added_by_module, counted, error, is_whole_stage, key_of, run,
                             sources_of)
from variants import Variant, family_variants, garage_torch, odd_checkpoints, reference_variants


class OneByOne:
    """A model's parts one by one, each with what those before it show: one state goes with all, but what a part
    remembers of its own input, which none but those that look at it may see."""

    def __init__(self, variant: Variant, computed: dict[str, Tensor]) -> None:
        self.source = variant.source()
        self.checkpoint = variant.checkpoint
        self.document = self.source.document
        self.computed = computed
        self.sources = sources_of(self.document)
        self.shown = garage_torch.State()
        self.before: dict[str, garage_torch.State] = {}
        self.encoder_output = None
        if self.document["parts"][self.document["root"]]["blueprint"]["op"] == "encoder_decoder":
            self.encoder_output = self.module("encoder")(computed["input_ids"])

    def module(self, part: str) -> torch.nn.Module:
        return garage_torch.module_of(self.source, part, dtype=torch.float32)

    def __call__(self, part: str, x: Tensor) -> Tensor:
        state = self.shown.copy()
        for source, before in self.before.items():
            if part == "layer" + source[source.rindex("_") :]:
                state = before.copy()  # which it runs anew
        said = {"attention_mask": self.computed.get("attention_mask")}
        if part.startswith("decoder."):
            said["encoder_hidden_states"] = self.encoder_output
        output = self.module(part)(x, state=state, **said)
        if part in self.sources:
            self.before[part] = self.shown
            self.shown = state
        return output

    def stage_around(self, part: str, x: Tensor) -> Tensor:
        """after(x + op(norm(x))), of the first stage of the layer that the part is in."""
        layer = self.document["parts"]["layer" + part[part.rindex("_") :]]["blueprint"]
        if layer["op"] == "custom":
            self.module(part)  # DeBERTa's with a convolution, whose attention is refused as it is
        stage = layer["stages"][0]
        norm = stage["branches"][0].get("norm")
        total = self(part, self(norm, x) if norm else x) + x
        return self(stage["after"], total) if stage.get("after") else total


class TableTest(unittest.TestCase):
    def setUp(self) -> None:
        torch.set_grad_enabled(False)
        self.addCleanup(torch.set_grad_enabled, True)

    def test_families_with_data_of_their_own_are_what_transformers_computes(self) -> None:
        for variant in family_variants():
            with self.subTest(str(variant)):
                self._compare(variant)

    def test_reference_variants_are_what_transformers_computes(self) -> None:
        for variant in reference_variants():
            with self.subTest(str(variant)):
                self._compare(variant)

    def test_what_is_odd_about_a_checkpoint_changes_no_number(self) -> None:
        for variant in odd_checkpoints():
            with self.subTest(str(variant)):
                truth = variant.computed()
                expected = truth["logits" if "logits" in truth else "last_hidden_state"]
                # As the config and the file have it: no caller says a dtype.
                ours = garage_torch.module_of(variant.source())(truth["input_ids"])
                if ours.dtype != torch.float32:  # of one narrow dtype; the truth is computed in float32
                    ours = garage_torch.module_of(variant.source(), dtype=torch.float32)(truth["input_ids"])
                off = error(ours, expected)
                self.assertLessEqual(off, TOLERANCE)
                print(f"{str(variant):40} {off:.1e}", flush=True)

    def _compare(self, variant: Variant) -> None:
        computed = variant.computed()
        one_by_one = OneByOne(variant, computed)
        document = one_by_one.document
        if variant.family == "ref":
            self._compare_ends(one_by_one, computed)
        worst, compared, refused = 0.0, 0, []
        for part in document["parts"]:
            key = key_of(document, part, computed)
            if key + ".in" not in computed or key + ".out" not in computed:
                continue
            try:
                off = self._off(one_by_one, part, computed[key + ".in"], computed[key + ".out"])
            except garage_torch.Unsupported as reason:
                self.assertIn("is custom", str(reason))
                refused.append(part)
                continue
            self.assertLessEqual(off, TOLERANCE, f"{variant} {part}")
            worst, compared = max(worst, off), compared + 1
        inputs = sum(name.endswith(".in") for name in computed)
        self.assertEqual(compared + len(refused), inputs)
        logits = self._compare_result(variant, computed)
        custom = f"custom: {len(refused)} parts" if refused else ""
        print(f"{str(variant):40} {compared:4} {worst:.1e}  {logits}  {custom}", flush=True)

    def _off(self, one_by_one: OneByOne, part: str, given: Tensor, expected: Tensor) -> float:
        document, computed = one_by_one.document, one_by_one.computed
        whole = is_whole_stage(document, part)
        ours = one_by_one.stage_around(part, given) if whole else one_by_one(part, given)
        added = added_by_module(document, one_by_one.checkpoint, part, computed)
        ours = ours if added is None else ours + added
        if ours.dim() == 3 and expected.dim() == 2:  # Llama4TextMoe joins batch and positions
            ours = ours.flatten(0, 1)
        return error(counted(ours, computed), counted(expected, computed))

    def _compare_ends(self, one_by_one: OneByOne, computed: dict[str, Tensor]) -> None:
        document = one_by_one.document
        ids = computed["input_ids"]
        embedded = one_by_one.module("embedding")(ids)
        if "pos_embedding" in document["parts"]:
            embedded = embedded + one_by_one.module("pos_embedding")(torch.arange(ids.shape[1]).unsqueeze(0))
        self.assertLessEqual(error(embedded, computed["embedding.out"]), TOLERANCE)
        norm = document["parts"][document["root"]]["blueprint"]["parts"][-2]  # before the head
        last = computed[f"layer_{document['num_layers'] - 1}.out"]
        self.assertLessEqual(error(one_by_one.module(norm)(last), computed["final_norm.out"]), TOLERANCE)

    def _compare_result(self, variant: Variant, computed: dict[str, Tensor]) -> str:
        """Logits, or of a class without a head its last hidden states; in one pass, and in two with a state."""
        expected = computed["logits" if "logits" in computed else "last_hidden_state"]
        try:
            model = garage_torch.module_of(variant.source(), dtype=torch.float32)
        except garage_torch.Unsupported as reason:
            self.assertIn("is custom", str(reason))
            return "refused"
        tolerance = TOLERANCE + 3 * OWN_ROUNDING.get(variant.name, 0.0)
        positions = computed["decoder_input_ids" if "decoder_input_ids" in computed else "input_ids"].shape[1]
        off = error(counted(run(model, computed, 0, positions), computed), counted(expected, computed))
        self.assertLessEqual(off, tolerance, f"{variant} logits")
        self._compare_pieces(variant, model, computed, expected, positions, tolerance)
        return f"{off:.1e}"

    def _compare_pieces(self, variant: Variant, model: torch.nn.Module, computed: dict[str, Tensor], expected: Tensor,
                        positions: int, tolerance: float) -> None:
        if variant.name == "phi-3-longrope":  # turns by other frequencies once the sequence is longer than 8 positions
            return
        state, half = garage_torch.State(), positions // 2
        try:
            first = run(model, computed, 0, half, state)
            second = run(model, computed, half, positions - half, state)
        except garage_torch.Unsupported as reason:
            self.assertRegex(str(reason), "is not run piece by piece")
            return
        self.assertLessEqual(error(torch.cat([first, second], 1), expected), tolerance, f"{variant} in two pieces")


if __name__ == "__main__":
    unittest.main()

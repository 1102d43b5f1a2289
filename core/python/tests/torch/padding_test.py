"""What is padding counts for nothing, on whichever side it lies."""

from __future__ import annotations

import unittest

import torch
from torch import Tensor

from reference_rules import TOLERANCE, error
from safetensors_file import read_tensors
from variants import Variant, garage_torch, ids_of, model_of

LONG, SHORT = 10, 6


def padded(padding_id: int, left: bool) -> tuple[Tensor, Tensor]:
    """Ids and mask of two sequences, of which the second is filled up."""
    filling, none = torch.full((LONG - SHORT,), padding_id), torch.zeros(LONG - SHORT, dtype=torch.int64)

    def beside(a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b] if left else [b, a])

    ones = torch.ones(SHORT, dtype=torch.int64)
    ids = torch.stack([ids_of(LONG), beside(filling, ids_of(SHORT))])
    return ids, torch.stack([torch.ones(LONG, dtype=torch.int64), beside(none, ones)])


# One of each way to know positions and to mix them.
KINDS = (
    ("opt", "opt", 0), ("bloom", "bloom", 0), ("gptj", "gpt-j", 0), ("xglm", "xglm", 0), ("mistral", "ministral", 0),
    ("llama", "llama4-text", 0), ("qwen", "qwen3-next", 0), ("olmohybrid", "olmo-hybrid", 0), ("mamba2", "mamba2", 0),
    ("mamba2", "mamba2-limited", 0), ("mamba2", "falcon-mamba", 0), ("jamba", "jamba", 0),
    ("falconh1", "falcon-h1-scaled", 0), ("lfm2", "lfm2-moe-biased", 0), ("deepseek", "deepseek-v3", 0),
    ("bert", "bert", 0), ("bert", "roberta-padded", 1), ("bert", "mpnet-padded", 1), ("bert", "albert", 0),
    ("bert", "roformer", 0), ("modernbert", "modernbert", 0), ("bert", "bert-sequence", 0),
    ("modernbert", "modernbert-sequence", 0), ("eurobert", "eurobert-late", 0), ("nanochat", "nanochat", 0),
)


class PaddingTest(unittest.TestCase):
    def test_tokens_that_count_give_what_they_give_alone_on_whichever_side_it_is_filled_up(self) -> None:
        for family, variant, padding_id in KINDS:
            model = model_of(family, variant)
            longer, shorter = model(ids_of(LONG)[None]), model(ids_of(SHORT)[None])
            for left in (True, False):
                with self.subTest(variant, left=left):
                    ids, mask = padded(padding_id, left)
                    together = model(ids, attention_mask=mask)
                    self.assertLessEqual(error(together[:1], longer), TOLERANCE)
                    second = together[1:]
                    if second.dim() == 3:
                        second = second.narrow(1, LONG - SHORT if left else 0, SHORT)
                    self.assertLessEqual(error(second, shorter), TOLERANCE)
                    self.assertTrue(torch.equal(model(ids, attention_mask=mask.bool()), together))

    def test_a_padded_batch_is_decoded_step_by_step(self) -> None:
        for family, variant in (("opt", "opt"), ("bloom", "bloom"), ("mistral", "ministral"), ("qwen", "qwen3-next"),
                                ("mamba2", "mamba2"), ("mamba2", "falcon-mamba"), ("lfm2", "lfm2")):
            with self.subTest(variant):
                model = model_of(family, variant)
                shorter = model(ids_of(SHORT)[None])
                ids, mask = padded(0, left=True)
                state = garage_torch.State()
                pieces = [model(ids[:, start : start + length], attention_mask=mask[:, : start + length], state=state)
                          for start, length in ((0, 5), (5, 1), (6, 4))]
                self.assertLessEqual(error(torch.cat(pieces, 1)[1:, LONG - SHORT :], shorter), TOLERANCE)

    def test_an_encoders_padding_is_padding_for_the_decoder_too(self) -> None:
        for family, variant in (("t5", "t5"), ("t5", "umt5"), ("bart", "bart"), ("bart", "marian"),
                                ("bart", "m2m-100")):
            with self.subTest(variant):
                given = read_tensors(Variant(family, variant).checkpoint.parent / "padded.safetensors")
                logits = given.pop("logits")
                memory = given.pop("encoder_hidden_states")
                model = model_of(family, variant)
                ids = given.pop("input_ids")
                self.assertLessEqual(error(model(ids, **given), logits), TOLERANCE)
                self.assertGreater(error(model(ids, decoder_input_ids=given["decoder_input_ids"]), logits), 1e-3)
                mask = given.pop("attention_mask")
                remembered = model(encoder_hidden_states=memory, encoder_attention_mask=mask, **given)
                self.assertLessEqual(error(remembered, logits), TOLERANCE)
                self.assertLessEqual(error(self.in_pieces(model, ids, mask, given), logits), TOLERANCE)

    def in_pieces(self, model: torch.nn.Module, ids: Tensor, mask: Tensor, given: dict[str, Tensor]) -> Tensor:
        state = garage_torch.State()
        pieces = []
        for start, length in ((0, 3), (3, 1), (4, 3)):
            said = {"decoder_input_ids": given["decoder_input_ids"][:, start : start + length],
                    "decoder_attention_mask": given["decoder_attention_mask"][:, : start + length]}
            first = {"attention_mask": mask} if start == 0 else {}
            pieces.append(model(ids if start == 0 else None, state=state, **said, **first))
        return torch.cat(pieces, 1)


if __name__ == "__main__":
    unittest.main()

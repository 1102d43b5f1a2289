"""What parts remember from piece to piece."""

from __future__ import annotations

import unittest

import torch

from reference_rules import TOLERANCE, error
from variants import garage_torch, ids_of, model_of

LONG = 10


class StateTest(unittest.TestCase):
    def setUp(self) -> None:
        self.model = model_of("ref", "llama-2")
        self.ids = torch.stack([ids_of(LONG), ids_of(LONG)])

    def test_a_copy_goes_its_own_way(self) -> None:
        state = garage_torch.State()
        self.model(self.ids[:, :4], state=state)
        other = state.copy()
        one = self.model(self.ids[:, 4:], state=state)
        self.assertEqual((len(state), len(other)), (LONG, 4))
        self.assertTrue(torch.equal(self.model(self.ids[:, 4:], state=other), one))

    def test_it_refuses_another_batch_size_and_goes_on_with_its_own(self) -> None:
        state = garage_torch.State()
        self.model(self.ids[:, :4], state=state)
        with self.assertRaisesRegex(ValueError, "the state holds a batch of 2, the input is one of 1"):
            self.model(self.ids[:1, 4:], state=state)
        self.model(self.ids[:, 4:], state=state)

    def test_one_that_a_failed_pass_left_half_written_is_refused(self) -> None:
        state = garage_torch.State()
        self.model.layer_2.register_forward_pre_hook(lambda module, given: 1 / 0)
        with self.assertRaises(ZeroDivisionError):
            self.model(self.ids, state=state)
        with self.assertRaisesRegex(ValueError, "a pass that failed left the state half written"):
            self.model(self.ids, state=state)

    def test_a_state_of_the_models_is_none_for_a_part_of_it(self) -> None:
        state = garage_torch.State()
        self.model(self.ids, state=state)
        attention = garage_torch.parts(self.model)["attention_0"]
        with self.assertRaisesRegex(ValueError, "the state holds keys of 10 positions, and this pass comes after 0"):
            attention(torch.ones(2, 1, 32), state=state)

    def test_a_caller_may_run_layer_after_layer_with_one_state(self) -> None:
        parts = garage_torch.parts(self.model)
        state = garage_torch.State()
        pieces = []
        for piece in (self.ids[:, :7], self.ids[:, 7:]):
            x = parts["embedding"](piece)
            for name in ("layer_0", "layer_1", "layer_2", "norm", "output_head"):
                x = parts[name](x, state=state)
            pieces.append(x)
        self.assertLessEqual(error(torch.cat(pieces, 1), self.model(self.ids)), TOLERANCE)


if __name__ == "__main__":
    unittest.main()

"""Modules learn: gradients reach every parameter, and are slopes."""

from __future__ import annotations

import unittest

import torch

from variants import Variant, made

LLAMA = Variant("ref", "llama-2")
IDS = torch.arange(12).view(2, 6)


class GradientsTest(unittest.TestCase):
    VARIANTS = (LLAMA, Variant("qwen", "qwen3-next"), Variant("mamba2", "mamba2"), Variant("mamba2", "falcon-mamba"),
                Variant("lfm2", "lfm2"), Variant("deepseek", "deepseek-v3"), Variant("bert", "roformer"),
                Variant("bloom", "bloom"), Variant("cohere", "cohere"))

    def test_gradients_reach_every_parameter(self) -> None:
        for variant in self.VARIANTS:
            with self.subTest(str(variant)):
                model = made(variant, dtype=torch.float32)
                model(torch.arange(40).view(2, 20) % 24 + 8).square().sum().backward()
                without = [name for name, one in model.named_parameters() if one.grad is None]
                self.assertEqual([name for name in without if "expert" not in name], [])  # whom no token visited
                given = [one.grad for one in model.parameters() if one.grad is not None]
                self.assertTrue(all(torch.isfinite(grad).all() for grad in given))

    def test_gradients_are_slopes(self) -> None:
        for variant, part in ((LLAMA, "layer_1"), (Variant("qwen", "qwen3-next"), "mixer_0"),
                              (Variant("t5", "t5-v1.1"), "encoder.layer_0"), (Variant("mamba2", "mamba2"), "mixer_0"),
                              (Variant("mamba2", "falcon-mamba"), "mixer_0")):
            with self.subTest(str(variant)):
                module = made(variant, part, dtype=torch.float32)
                x = variant.computed()[f"{part}.in"]
                torch.manual_seed(0)
                weight = torch.randn_like(module(x))
                along = [torch.randn_like(one) for one in module.parameters()]
                (module(x) * weight).sum().backward()
                slope = sum(float((one.grad.double() * step).sum()) for one, step in zip(module.parameters(), along))
                measured = self.measured(module, along, lambda: float((module(x).double() * weight).sum()))
                self.assertAlmostEqual(slope, measured, delta=0.02 * max(1.0, abs(slope)))

    @torch.no_grad()
    def measured(self, module: torch.nn.Module, along: list, value: object, reach: float = 1e-3) -> float:
        ends = []
        for step in (reach, -2 * reach):
            for one, direction in zip(module.parameters(), along):
                one.add_(direction, alpha=step)
            ends.append(value())
        return (ends[0] - ends[1]) / (2 * reach)

    def test_a_model_learns_and_its_file_does_not(self) -> None:
        before = made(LLAMA)(IDS)
        model = made(LLAMA)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        model(IDS).square().mean().backward()
        optimizer.step()
        self.assertFalse(torch.equal(model(IDS), before))
        self.assertTrue(torch.equal(made(LLAMA)(IDS), before))

    def test_requires_grad_is_the_callers(self) -> None:
        model = made(LLAMA).requires_grad_(False)
        self.assertFalse(model(IDS).requires_grad)
        self.assertFalse(any(one.requires_grad for one in made(LLAMA, copy=False).parameters()))


if __name__ == "__main__":
    unittest.main()

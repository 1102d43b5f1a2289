"""Formulas that no reference checkpoint has: ropes, sinusoids, pooling, routers, and the casts of narrow dtypes."""

from __future__ import annotations

import math
import unittest

import torch
from torch import Tensor

from variants import FolderSource, Variant, garage_torch

from garage.torch.ops.alibi import Alibi, slopes_of
from garage.torch.ops.pooling import pooled


def module_of(blueprint: dict, tensors: dict[str, Tensor] | None = None) -> torch.nn.Module:
    return garage_torch.module_of(FolderSource({"root": "p", "parts": {"p": {"blueprint": blueprint}}}, tensors or {}))


def turned(scaling: dict, length: int, **rope: object) -> tuple[list[float], float]:
    """The frequencies by which a rope turns in a sequence of that length, and what multiplies them."""
    blueprint = {"op": "rope", "theta": 10000, "dims": 8, "pairing": "half", "scaling": scaling, **rope}
    cos, sin = module_of(blueprint)(torch.arange(length)[None])[:, 0, 1]  # at position 1 the angle is the frequency
    factor = float((cos.square() + sin.square()).sqrt()[0])
    return [math.atan2(s, c) for s, c in zip(sin[:4].tolist(), cos[:4].tolist())], factor


class RopeTest(unittest.TestCase):
    # As modeling_rope_utils.py computes them.
    YARN = {"kind": "yarn", "beta_fast": 32, "beta_slow": 1}
    CASES = (
        ("yarn", {**YARN, "factor": 4, "original_max_position_embeddings": 64, "attention_factor": 1.138629436111989},
         4, [1, 0.0625, 0.0025, 0.00025], 1.138629436111989),
        ("yarn, not truncated", {**YARN, "factor": 4, "original_max_position_embeddings": 64, "beta_fast": 8,
                                 "truncate": False}, 4, [1, 0.025664394391007976, 0.0025, 0.00025], 1),
        ("yarn of a long original", {**YARN, "factor": 40, "original_max_position_embeddings": 4096},
         4, [1, 0.1, 0.005125, 2.5e-05], 1),
        ("dynamic, short", {"kind": "dynamic", "factor": 2, "original_max_position_embeddings": 256},
         256, [1, 0.1, 0.01, 0.001], 1),
        ("dynamic, long", {"kind": "dynamic", "factor": 2, "original_max_position_embeddings": 256},
         600, [1, 0.06472757307238636, 0.004189658715841114, 0.00027118644067796615], 1),
        ("linear", {"kind": "linear", "factor": 4}, 4, [0.25, 0.025, 0.0025, 0.00025], 1),
        ("proportional", {"kind": "proportional", "turning_pairs": 2}, 4, [1, 0.1, 0, 0], 1),
    )

    def test_pairs_turn_by_the_frequencies_of_the_formulas(self) -> None:
        for title, scaling, length, expected, factor in self.CASES:
            with self.subTest(title):
                frequencies, by = turned(scaling, length)
                self.assertAlmostEqual(by, factor, delta=1e-6)
                for ours, theirs in zip(frequencies, expected):
                    self.assertAlmostEqual(ours, theirs, delta=1e-5 * max(theirs, 1e-3))

    def test_phimoes_mscales_stand_in_the_attention_factors_place_by_the_length(self) -> None:
        scaling = {"kind": "longrope", "short_factor": [1, 1, 2, 2], "long_factor": [1, 2, 4, 8], "short_mscale": 1.1,
                   "long_mscale": 1.3, "original_max_position_embeddings": 16}
        (within, short), (beyond, long) = turned(scaling, 16), turned(scaling, 17)
        self.assertAlmostEqual(short, 1.1, delta=1e-6)
        self.assertAlmostEqual(long, 1.3, delta=1e-6)
        self.assertAlmostEqual(within[2], 0.01 / 2, delta=1e-7)
        self.assertAlmostEqual(beyond[3], 0.001 / 8, delta=1e-8)

    def test_one_speed_and_backwards(self) -> None:
        for option, expected in (("one_speed", [1, 1, 1, 1]), ("backwards", [-1, -0.1, -0.01, -0.001])):
            frequencies, _ = turned({"kind": "none"}, 4, **{option: True})
            self.assertEqual([round(one, 5) for one in frequencies], expected)

    def test_a_scaling_that_lacks_a_constant_is_refused(self) -> None:
        with self.assertRaisesRegex(garage_torch.BlueprintError, "has no 'beta_slow', which yarn needs"):
            turned({"kind": "yarn", "factor": 2, "original_max_position_embeddings": 8, "beta_fast": 32}, 4)


class PositionsTest(unittest.TestCase):
    ROWS = {  # by transformers
        "below_base": [[0, 0, 0, 1, 1, 1],
                       [0.841470957, 0.0463992245, 0.00215443294, 0.540302277, 0.998923004, 0.999997675],
                       [0.656986594, 0.319224656, 0.0150804715, 0.753902256, 0.947679043, 0.999886274],
                       [0.939437091, 0.825547874, 0.177026421, -0.342721343, 0.564332068, 0.98420608]],
        "to_base": [[0, 0, 0, 1, 1, 1],
                    [0.841470957, 0.00999983307, 9.99999902e-05, 0.540302277, 0.999950051, 1],
                    [0.656986594, 0.0699428469, 0.000699999859, 0.753902256, 0.997550964, 0.999999762],
                    [0.939437151, -0.989524722, 0.29542464, -0.342721343, 0.144363359, 0.955366075]],
    }

    def test_sinusoids_of_either_speed_are_what_transformers_computes(self) -> None:
        ids = torch.tensor([[0, 1, 7, 2999]])
        for speed, expected in self.ROWS.items():
            with self.subTest(speed):
                blueprint = {"op": "sinusoidal_embedding", "size": 6, "speed": speed, "base": 10000}
                rows = module_of(blueprint)(ids)
                self.assertLessEqual(float((rows - torch.tensor([expected])).abs().max()), 1e-6)
                self.assertTrue(torch.equal(module_of({**blueprint, "offset": 2})(ids - 2), rows))

    def test_slopes_of_heads_that_are_no_power_of_two(self) -> None:
        # build_alibi_tensor of modeling_bloom.py, of 6 heads: four of 4, then the first and third of 8.
        slopes = slopes_of(Alibi(), 6).flatten().tolist()
        for ours, theirs in zip(slopes, (2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3)):
            self.assertAlmostEqual(ours, theirs, delta=1e-8)


class PoolingTest(unittest.TestCase):
    def test_each_is_what_its_formula_says(self) -> None:
        torch.manual_seed(0)
        x = torch.randn(2, 9, 4)
        x[0, 6:] = math.nan  # what padding holds may be no number
        counts = torch.tensor([[1] * 6 + [0] * 3, [1] * 9]).bool()
        rows = (x[0, :6], x[1])
        order = [torch.arange(1, len(row) + 1)[:, None] for row in rows]
        expected = {
            "first": [row[0] for row in rows], "last": [row[-1] for row in rows],
            "max": [row.max(0).values for row in rows], "mean": [row.mean(0) for row in rows],
            "mean_sqrt": [row.sum(0) / len(row) ** 0.5 for row in rows],
            "weighted_mean": [(row * at).sum(0) / at.sum() for row, at in zip(rows, order)],
        }
        for by, theirs in expected.items():
            with self.subTest(by):
                self.assertTrue(torch.allclose(pooled(by, x, counts), torch.stack(theirs), atol=1e-6))


class RouterTest(unittest.TestCase):
    def routed(self, logits: list[float], **said: object) -> tuple[list[float], list[int]]:
        count = len(logits)
        blueprint = {"op": "router", "scores": {"in": count, "out": count, "weight": {"tensor": "w"}}, **said}
        tensors = {"w": torch.eye(count), "correction": torch.tensor([0.0, 0.0, 0.0, 5.0])}
        router = module_of(blueprint, tensors)
        weights, experts = router.choose(router(torch.tensor([logits])))
        return [round(one, 5) for one in weights[0].tolist()], experts[0].tolist()

    def test_each_option_is_what_its_words_say(self) -> None:
        logits = [1.0, 3.0, 2.0, -1.0]
        e = [math.exp(one) for one in logits]
        s = [1 / (1 + math.exp(-one)) for one in logits]
        rounded = lambda *all_: [round(one, 5) for one in all_]
        cases = (
            ({"scoring": "softmax"}, rounded(e[1] / sum(e), e[2] / sum(e)), [1, 2]),
            ({"scoring": "softmax", "renormalise": True}, rounded(e[1] / (e[1] + e[2]), e[2] / (e[1] + e[2])), [1, 2]),
            ({"scoring": "softmax_of_chosen"}, rounded(e[1] / (e[1] + e[2]), e[2] / (e[1] + e[2])), [1, 2]),
            ({"scoring": "sigmoid", "scale": 2}, rounded(2 * s[1], 2 * s[2]), [1, 2]),
            ({"scoring": "sigmoid", "correction": {"tensor": "correction"}}, rounded(s[3], s[1]), [3, 1]),
            ({"scoring": "sigmoid", "renormalise": True, "sum_epsilon": 1},
             rounded(s[1] / (s[1] + s[2] + 1), s[2] / (s[1] + s[2] + 1)), [1, 2]),
            ({"scoring": "sigmoid", "renormalise": True, "least_sum": 4}, rounded(s[1] / 4, s[2] / 4), [1, 2]),
            ({"scoring": "sigmoid", "groups": {"count": 2, "kept": 1, "best": 1}}, rounded(s[1], s[0]), [1, 0]),
            ({"scoring": "sigmoid", "groups": {"count": 2, "kept": 1, "best": 2}}, rounded(s[1], s[0]), [1, 0]),
            ({"scoring": "sigmoid", "softcap": 2},
             rounded(*(1 / (1 + math.exp(-2 * math.tanh(one / 2))) for one in (3, 2))), [1, 2]),
        )
        for said, weights, experts in cases:
            with self.subTest(str(said)):
                self.assertEqual(self.routed(logits, top_k=2, **said), (weights, experts))


class NarrowTest(unittest.TestCase):
    """bfloat16: which steps are computed in float32, and where the result is rounded."""

    def test_llamas_norm_rounds_before_the_weight_gemmas_after_it(self) -> None:
        x = torch.linspace(-3, 5, 32).bfloat16().view(1, 1, 32)
        weight = torch.linspace(0.3, 1.7, 32).bfloat16()
        normed = x.float() / (x.float().square().mean() + 1e-6).sqrt()
        norm = {"op": "norm", "kind": "rms", "size": 32, "eps": 1e-6, "weight": {"tensor": "w"}}
        llama = module_of(norm, {"w": weight})(x)
        gemma = module_of({**norm, "weight_offset": 1, "multiply_before_cast": True}, {"w": weight})(x)
        self.assertTrue(torch.equal(llama, weight * normed.bfloat16()))
        self.assertTrue(torch.equal(gemma, ((1 + weight.float()) * normed).bfloat16()))
        self.assertFalse(torch.equal(gemma, (1 + weight) * normed.bfloat16()))

    def test_gemmas_embedding_is_scaled_by_a_factor_that_is_rounded_first(self) -> None:
        embedding = garage_torch.module_of(Variant("ref", "gemma").source(), "embedding", dtype=torch.bfloat16)
        expected = (embedding.weight.float() * 5.65625).bfloat16()  # the root of 32, in bfloat16
        self.assertTrue(torch.equal(embedding(torch.arange(96)[None])[0], expected))

    def test_a_model_in_bfloat16_stays_near_the_same_in_float32(self) -> None:
        torch.set_grad_enabled(False)
        self.addCleanup(torch.set_grad_enabled, True)
        for variant in ("llama-3.2-tied", "gemma-2", "phi-3", "qwen2", "gpt2"):
            source = Variant("ref", variant).source()
            wide, narrow = (garage_torch.module_of(source, dtype=dtype)(torch.arange(8)[None]).float()
                            for dtype in (torch.float32, torch.bfloat16))
            self.assertLessEqual(float((narrow - wide).abs().max()), 0.1 * float(wide.abs().max()))


if __name__ == "__main__":
    unittest.main()

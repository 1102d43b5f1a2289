"""One model in every form that people have on disk gives what transformers computes: GGUF, quantised, under a LoRA."""

from __future__ import annotations

import unittest
import warnings
from pathlib import Path

import torch

from reference_rules import TOLERANCE, error
from safetensors_file import read_tensors
from variants import ROOT, SPECS, garage_torch, registry

DATA = ROOT / "tests" / "data"


def forms() -> list[tuple[Path, Path, dict]]:
    """Checkpoints, what was computed of them, and how they are opened."""
    folders = [folder for folder in sorted((DATA / "gguf").iterdir()) if folder.is_dir()]
    found = [(folder, folder / "reference.safetensors", {}) for folder in folders]
    for folder in sorted((DATA / "quantised").iterdir()):
        if (folder / "reference.safetensors").exists():
            found.append((folder / "checkpoint", folder / "reference.safetensors", {}))
    for name in ("lora", "lora-rs"):
        adapter = DATA / "adapters" / name
        found.append((DATA / "adapters" / "llama", adapter / "reference.safetensors", {"adapters": [adapter]}))
    return found


@unittest.skipIf(SPECS, "the bindings read these forms")
class StoredFormsTest(unittest.TestCase):
    def test_logits_are_what_transformers_computes(self) -> None:
        compared = 0
        for checkpoint, reference, how in forms():
            computed = read_tensors(reference)
            name = str(reference.parent.relative_to(DATA))
            if "logits" not in computed or name == "quantised/mxfp4":  # GPT-OSS, whose attention is custom
                continue
            with self.subTest(name), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # notes of what was found beside the weights
                registry().register("form", checkpoint, **how)
                model = garage_torch.module(registry(), "form", dtype=torch.float32)
                off = error(model(computed["input_ids"]), computed["logits"])
                print(f"{name:40} {off:.1e}", flush=True)
                self.assertLessEqual(off, TOLERANCE)
            compared += 1
        self.assertGreater(compared, 35)


if __name__ == "__main__":
    unittest.main()

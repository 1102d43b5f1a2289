"""How the numbers of a reference are compared: the rules of tests/nn/family_reference_test.cpp."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safetensors_file import read_checkpoint

TOLERANCE = 1e-5  # of the largest value

# How far transformers' own logits, which are float32, are from what its classes give in float64: of checkpoints so
# small that a norm over four numbers makes rounding larger. Thrice that much is added to what logits, not parts, may be
# off by.
OWN_ROUNDING = {
    "qwen3-next": 2.7e-6, "qwen3.5": 2.0e-6, "qwen3.5-moe": 9.2e-6, "qwen3.5-moe-text": 7.1e-6, "qwen3.5-text": 4.7e-6,
}


def error(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape, f"gives {list(ours.shape)}, the reference has {list(theirs.shape)}"
    assert bool(torch.isfinite(ours).all()), "gives numbers that are not finite"
    return float((ours.double() - theirs.double()).abs().max() / theirs.double().abs().max())


def key_of(document: dict, part: str, computed: dict[str, Tensor]) -> str:
    """The references call whatever mixes positions in place of an attention a mixer, and all of one family's by that
    name (of Nemotron-H, whose layers are one thing each, feed-forwards too); the last norm of each side of a T5 they
    call final_norm."""
    if part + ".in" in computed:
        return part
    if part.endswith(".final_layer_norm"):
        return part[: -len("final_layer_norm")] + "final_norm"
    for stem in ("attention_", "ffn_"):
        if part.startswith(stem) and "mixer_" + part[len(stem) :] not in document["parts"]:
            return "mixer_" + part[len(stem) :]
    return "attention_" + part[len("mixer_") :] if part.startswith("mixer_") else part


def is_whole_stage(document: dict, part: str) -> bool:
    """Of BERT's copies whose module called attention norms and adds the stream, too. The part's first stage is that
    module."""
    is_bert = document["family"] in ("bert", "deberta") and document["model_type"] != "distilbert"
    return is_bert and part.startswith("attention_")


def added_by_module(document: dict, checkpoint: Path, part: str, computed: dict[str, Tensor]) -> Tensor | None:
    """What a module of transformers' adds to what the part of its name gives."""
    kind, _, index = part.rpartition("_")
    model = document["model_type"]
    if (model, kind) == ("bloom", "attention"):  # BloomAttention: dropout_add(x, residual)
        return computed[f"layer_{index}.in"]
    if (model, kind) == ("bloom", "ffn"):  # BloomMLP, the same
        return computed[f"attention_{index}.out"]
    if (model, kind) == ("mpt", "ffn"):  # MptMLP
        return computed[f"layer_{index}.in"] + computed[f"attention_{index}.out"]
    if (model, kind, index) == ("gpt_neox_japanese", "attention", str(document["num_layers"] - 1)):
        # GPTNeoXJapaneseLayer: the bias is added outside the module.
        return -read_checkpoint(checkpoint)[f"gpt_neox_japanese.layers.{index}.attention.dense_bias"]
    return None


def counted(x: Tensor, computed: dict[str, Tensor]) -> Tensor:
    """Of tokens that are padding nobody reads what comes out."""
    mask = computed.get("attention_mask")
    if mask is None or x.dim() != 3 or x.shape[1] != mask.shape[1]:
        return x
    return x * mask.unsqueeze(-1)


def beside(computed: dict[str, Tensor], start: int, length: int) -> dict[str, Tensor]:
    """What the caller says of the tokens beside their ids, of positions start to start + length."""
    said = {}
    if "attention_mask" in computed:
        said["attention_mask"] = computed["attention_mask"][:, : start + length]
    for name in ("token_type_ids", "task_type_ids"):
        if name in computed:
            said[name] = computed[name][:, start : start + length]
    return said


def sources_of(document: dict) -> set[str]:
    """Which parts others look at, before these run."""
    blueprints = (part.get("blueprint") or {} for part in document["parts"].values())
    return {blueprint["keys_of"] for blueprint in blueprints if blueprint.get("keys_of")}


def run(model: torch.nn.Module, computed: dict[str, Tensor], start: int, length: int, state: object = None) -> Tensor:
    """The whole model over some positions. Of an encoder-decoder they are its decoder's; its encoder's input goes in at
    once, and with the first piece alone."""
    ids, decoder_ids = computed["input_ids"], computed.get("decoder_input_ids")
    if decoder_ids is None:
        return model(ids[:, start : start + length], state=state, **beside(computed, start, length))
    given = ids if start == 0 else None
    return model(given, decoder_input_ids=decoder_ids[:, start : start + length], state=state)

# transformers and PyTorch beside gpu_bench.cpp, on the same GPU and the same files.
#
#   python3 peer.py make DIR        a checkpoint of Llama 3.1 8B's shape, bfloat16, random weights of deviation 0.02
#   python3 peer.py measure DIR     loading, forward, decoding
#   python3 peer.py input DIR FILE  input_ids for `garage run`
#   python3 peer.py logits DIR FILE how far the logits in FILE, by `garage run`, are from those of transformers
#   python3 peer.py tokens DIR FILE whether the tokens in FILE, by `garage run --generate`, are those of transformers
#   DTYPE=float32 computes in another dtype; LAYERS=2 KV_HEADS=32 make another model, with an attention of 134 MB
import json, os, statistics, sys, time

import torch
from safetensors.torch import load_file, save_file

TOKENS, NEW, PROMPT = 2048, 64, 32
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
    "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
    "tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False, "dtype": "bfloat16",
    "bos_token_id": None, "eos_token_id": None}


def make(folder):
    os.makedirs(folder, exist_ok=True)
    layers = int(os.environ.get("LAYERS", CONFIG["num_hidden_layers"]))
    kv_heads = int(os.environ.get("KV_HEADS", CONFIG["num_key_value_heads"]))
    config = {**CONFIG, "num_hidden_layers": layers, "num_key_value_heads": kv_heads}
    json.dump(config, open(f"{folder}/config.json", "w"))
    h, inner, kv, vocab = 4096, 14336, 128 * kv_heads, CONFIG["vocab_size"]
    torch.manual_seed(0)
    rand = lambda *shape: (torch.randn(*shape, device="cuda") * 0.02).to(torch.bfloat16).cpu()
    ones = lambda: torch.ones(h, dtype=torch.bfloat16)
    shards, shard, size = [], {}, 0

    def add(name, tensor):
        nonlocal shard, size
        shard[name] = tensor
        size += tensor.nbytes
        if size > 4e9:
            shards.append(shard)
            shard, size = {}, 0

    add("model.embed_tokens.weight", rand(vocab, h))
    for i in range(layers):
        p = f"model.layers.{i}."
        for name, rows, columns in (("self_attn.q_proj", h, h), ("self_attn.k_proj", kv, h), ("self_attn.v_proj", kv, h),
                                    ("self_attn.o_proj", h, h), ("mlp.gate_proj", inner, h), ("mlp.up_proj", inner, h),
                                    ("mlp.down_proj", h, inner)):
            add(p + name + ".weight", rand(rows, columns))
        add(p + "input_layernorm.weight", ones())
        add(p + "post_attention_layernorm.weight", ones())
    add("model.norm.weight", ones())
    add("lm_head.weight", rand(vocab, h))
    if shard:
        shards.append(shard)
    index = {}
    for i, tensors in enumerate(shards):
        file = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
        save_file(tensors, f"{folder}/{file}", metadata={"format": "pt"})
        index.update({name: file for name in tensors})
    json.dump({"metadata": {}, "weight_map": index}, open(f"{folder}/model.safetensors.index.json", "w"))


def load(folder, attention="sdpa"):
    from transformers import AutoModelForCausalLM
    dtype = getattr(torch, os.environ.get("DTYPE", "bfloat16"))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, device_map="cuda", attn_implementation=attention).eval()


def milliseconds(work, times=5, inner=1):
    work()
    taken = []
    for _ in range(times):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(inner):
            work()
        torch.cuda.synchronize()
        taken.append((time.perf_counter() - start) / inner * 1e3)
    return f"{statistics.median(taken):.3f} ms"


def ids_of(length):
    return (torch.arange(length) * 37 % 1000 + 1).unsqueeze(0)


@torch.no_grad()
def measure(folder):
    print("transformers: load model", milliseconds(lambda: load(folder), times=2))
    model = load(folder)
    ids = ids_of(TOKENS).cuda()
    print("transformers: forward model", milliseconds(lambda: model(ids, use_cache=False)))
    x = torch.randn(1, TOKENS, 4096, device="cuda", dtype=torch.bfloat16)
    table = model.model.rotary_emb(x, torch.arange(TOKENS, device="cuda").unsqueeze(0))
    layer = model.model.layers[1]
    places = dict(position_embeddings=table, attention_mask=None)
    print("transformers: forward layer", milliseconds(lambda: layer(x, **places), inner=20))
    print("transformers: forward attention", milliseconds(lambda: layer.self_attn(x, **places), inner=20))
    prompt = ids_of(PROMPT).cuda()
    text = lambda: model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=NEW, do_sample=False, pad_token_id=0)
    print("transformers: decode,", NEW, "tokens", milliseconds(text, times=3))


def input(folder, file):
    save_file({"input_ids": ids_of(int(os.environ.get("TOKENS", PROMPT)))}, file)


@torch.no_grad()
def logits(folder, file):
    ours = load_file(file)["output"].cuda().float()
    ids = ids_of(ours.shape[1]).cuda()
    made = {}
    for attention in ("eager", "sdpa"):
        model = load(folder, attention)
        made[attention] = model(ids, use_cache=False).logits.float()
        del model
    rms = lambda a, b: ((a - b).pow(2).mean().sqrt() / b.pow(2).mean().sqrt()).item()
    print(f"logits of {ids.shape[1]} tokens, relative rms: eager to sdpa {rms(made['eager'], made['sdpa']):.2e}, "
          f"ours to sdpa {rms(ours, made['sdpa']):.2e}, ours to eager {rms(ours, made['eager']):.2e}")


@torch.no_grad()
def tokens(folder, file):
    ours = load_file(file)["output"]
    prompt = ids_of(PROMPT).cuda()
    for attention in ("sdpa", "eager"):
        model = load(folder, attention)
        assert model.dtype == getattr(torch, os.environ.get("DTYPE", "bfloat16"))
        made = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=ours.shape[1] - PROMPT, do_sample=False, pad_token_id=0).cpu()
        same = (made == ours)[0, PROMPT:]
        first = "all" if same.all() else f"the first {int(same.int().argmin())}"
        print(f"tokens: {first} of {ours.shape[1] - PROMPT} are those of transformers ({attention})")
        if not same.all():
            at = PROMPT + int(same.int().argmin())
            row = model(made[:, :at].cuda()).logits[0, -1].float()
            print("  theirs", made[0, at].item(), row[made[0, at]].item(), "ours", ours[0, at].item(), row[ours[0, at]].item(), "top", row.topk(3).values.tolist())
        del model


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

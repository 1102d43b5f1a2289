#!/usr/bin/env python3
"""Write adapters as PEFT saves them, and the weights that they make of their models.

Needs: torch, transformers >= 5.12, safetensors. PEFT was not to be had: its formulas are written out here, from
peft/tuners/lora/layer.py and variants.py (merge) and, for a check of these, dora.py and layer.py (forward): every model
with merged weights must compute what the adapters compute beside the model that was not changed.

Usage: make.py LAYOUTS OUT    LAYOUTS has lora and lora-rs, as shared/tools/make_other_layouts.py wrote them
OUT/llama, llama-bf16, gpt2   models; gpt2's names are without "transformer.", as the first GPT-2 was saved
OUT/<case>/                   the adapter; merged.safetensors: all tensors that it changes, float32
OUT/second/with-lora.safetensors   what lora with weight 0.5 and second with -1.25 make of llama together
"""
import json, math, os, re, shutil, sys
import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D
transformers.logging.set_verbosity_error()
layouts, out = sys.argv[1], sys.argv[2]
g = torch.Generator().manual_seed(5)
ids = torch.randint(8, 40, (2, 10), generator=torch.Generator().manual_seed(7))
def random(*shape): return torch.randn(*shape, generator=g) * 0.2

def load(name, prefix=""):
    c = AutoConfig.from_pretrained(f"{out}/{name}"); c._attn_implementation = "eager"
    m = AutoModelForCausalLM.from_config(c).float().eval()
    state = {(k if k.startswith("lm_head.") else prefix + k): v.float() for k, v in load_file(f"{out}/{name}/model.safetensors").items()}
    missing, unexpected = m.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    return m

def pattern(patterns, name, default):
    return next((v for k, v in patterns.items() if re.match(rf"(.*\.)?({k})$", name)), default)

class Adapter:
    """One adapter: its tensors by the names that PEFT gives them, and what it does to a model."""
    def __init__(self, config):
        self.config = dict(peft_type="LORA", task_type="CAUSAL_LM", base_model_name_or_path="base", r=4, lora_alpha=8,
                           use_rslora=False, use_dora=False, target_modules=[], rank_pattern={}, alpha_pattern={}, bias="none",
                           fan_in_fan_out=False, modules_to_save=None, inference_mode=True, lora_dropout=0.0, lora_bias=False,
                           init_lora_weights=True, layers_to_transform=None, megatron_config=None, eva_config=None, loftq_config={}) | config
        self.lora, self.whole = {}, {}
    def scale(self, name):
        r = pattern(self.config["rank_pattern"], name, self.config["r"])
        return pattern(self.config["alpha_pattern"], name, self.config["lora_alpha"]) / (math.sqrt(r) if self.config["use_rslora"] else r)
    def make(self, model, dtype=torch.float32):
        for name, module in model.named_modules():
            if not any(name == t or name.endswith("." + t) for t in self.config["target_modules"]): continue
            r = pattern(self.config["rank_pattern"], name, self.config["r"]); w = module.weight
            if isinstance(module, torch.nn.Embedding): t = dict(embedding_A=random(r, w.shape[0]), embedding_B=random(w.shape[1], r))
            else:
                o, i = w.shape if not isinstance(module, Conv1D) else w.shape[::-1]
                t = dict(A=random(r, i), B=random(o, r))
                if self.config["lora_bias"]: t["bias"] = random(o)
                if self.config["use_dora"]: t["magnitude_vector"] = torch.linalg.norm(w.detach(), dim=1) + random(o)
            self.lora[name] = {k: v.to(dtype) for k, v in t.items()}
        return self
    def delta(self, name):
        t = {k: v.float() for k, v in self.lora[name].items()}
        if "embedding_A" in t: return (t["embedding_B"] @ t["embedding_A"]).T * self.scale(name)
        return (t["B"] @ t["A"]) * self.scale(name)
    def merge(self, model, weight=1.0):
        changed = {}; state = dict(model.named_parameters()); modules = dict(model.named_modules())
        with torch.no_grad():
            for name, v in self.whole.items(): state[name].copy_(v.float()); changed[name] = state[name]
            for name in self.lora:
                w = state[name + ".weight"]; d = self.delta(name) * weight
                if isinstance(modules[name], Conv1D): d = d.T
                if self.config["use_dora"]:
                    norm = torch.linalg.norm(w + d, dim=1); w.copy_((self.lora[name]["magnitude_vector"].float() / norm).view(-1, 1) * (w + d))
                else: w.add_(d)
                changed[name + ".weight"] = w
                if "bias" in self.lora[name]: state[name + ".bias"].add_(self.lora[name]["bias"].float() * self.scale(name) * weight); changed[name + ".bias"] = state[name + ".bias"]
        return {k: v.detach().clone().contiguous() for k, v in changed.items()}
    def hook(self, model):
        """Lets the adapter compute beside the model's modules, as PEFT does that has not merged."""
        with torch.no_grad():
            for name, v in self.whole.items(): dict(model.named_parameters())[name].copy_(v.float())
        for name, module in model.named_modules():
            if name not in self.lora: continue
            t = {k: v.float() for k, v in self.lora[name].items()}; s = self.scale(name)
            def forward(module, args, result, t=t, s=s):
                x = args[0]
                if "embedding_A" in t: return result + torch.nn.functional.embedding(x, t["embedding_A"].T) @ t["embedding_B"].T * s
                update = torch.nn.functional.linear(torch.nn.functional.linear(x, t["A"]), t["B"], t.get("bias")) * s
                if "magnitude_vector" not in t: return result + update
                norm = torch.linalg.norm(module.weight + s * (t["B"] @ t["A"]), dim=1); m = (t["magnitude_vector"] / norm).view(1, -1)
                return result + (m - 1) * torch.nn.functional.linear(x, module.weight) + m * update
            module.register_forward_hook(forward)
    def save(self, case, infix="", pickled=False):
        d = f"{out}/{case}"; os.makedirs(d, exist_ok=True); tensors = {}
        for name, t in self.lora.items():
            for k, v in t.items():
                end = {"bias": "lora_B" + infix + ".bias", "A": "lora_A" + infix + ".weight", "B": "lora_B" + infix + ".weight"}.get(k, "lora_" + k + infix)
                tensors[f"base_model.model.{name}.{end}"] = v
        for name, v in self.whole.items():
            module, parameter = name.rsplit(".", 1)
            tensors[f"base_model.model.{module}.{'base_layer.' if module in self.lora else ''}{parameter}"] = v
        if pickled: torch.save(tensors, d + "/adapter_model.bin")
        else: save_file({k: v.contiguous() for k, v in tensors.items()}, d + "/adapter_model.safetensors", metadata={"format": "pt"})
        json.dump(self.config, open(d + "/adapter_config.json", "w"), indent=2)

def finish(case, adapter, base, prefix="", **how):
    adapter.save(case, **how)
    merged, beside = load(base, prefix), load(base, prefix)
    changed = adapter.merge(merged); adapter.hook(beside)
    with torch.no_grad(): a, b = merged(ids, use_cache=False).logits, beside(ids, use_cache=False).logits
    error = ((a - b).abs().max() / b.abs().max()).item(); print(case, "merged against beside:", error); assert error < 2e-6
    save_file({k.removeprefix(prefix) if k.startswith(prefix) else k: v for k, v in changed.items()}, f"{out}/{case}/merged.safetensors")

shutil.copytree(f"{layouts}/lora/base", f"{out}/llama", dirs_exist_ok=True)
shutil.copytree(f"{out}/llama", f"{out}/llama-bf16", dirs_exist_ok=True)
save_file({k: v.bfloat16() for k, v in load_file(f"{out}/llama/model.safetensors").items()}, f"{out}/llama-bf16/model.safetensors", metadata={"format": "pt"})
c = AutoConfig.for_model("gpt2", vocab_size=40, n_embd=16, n_layer=2, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
m = AutoModelForCausalLM.from_config(c).float()
with torch.no_grad():
    for p in m.parameters(): p.add_(torch.randn(p.shape, generator=g) * 0.1)
os.makedirs(f"{out}/gpt2", exist_ok=True); json.dump(c.to_diff_dict() | {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}, open(f"{out}/gpt2/config.json", "w"), indent=2)
save_file({k.removeprefix("transformer."): v.contiguous() for k, v in m.state_dict().items() if k != "lm_head.weight"}, f"{out}/gpt2/model.safetensors", metadata={"format": "pt"})

def read(case):  # one that others wrote
    a = Adapter(json.load(open(f"{out}/{case}/adapter_config.json")))
    for k, v in load_file(f"{out}/{case}/adapter_model.safetensors").items():
        module, kind = k.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".lora_", 1); a.lora.setdefault(module, {})[kind] = v
    return a
for case in ("lora", "lora-rs"):
    shutil.copytree(f"{layouts}/{case}/checkpoint", f"{out}/{case}", dirs_exist_ok=True); shutil.copy(f"{layouts}/{case}/reference.safetensors", f"{out}/{case}/")
    a, m = read(case), load("llama"); changed = a.merge(m); save_file(changed, f"{out}/{case}/merged.safetensors")
    with torch.no_grad(): logits = m(ids, use_cache=False).logits
    reference = load_file(f"{out}/{case}/reference.safetensors"); assert torch.equal(reference["input_ids"], ids)
    error = ((logits - reference["logits"]).abs().max() / logits.abs().max()).item(); print(case, "against its reference:", error); assert error < 2e-6

llama = load("llama")
finish("dora", Adapter(dict(use_dora=True, target_modules=["q_proj", "down_proj"])).make(llama), "llama")
finish("patterns", Adapter(dict(target_modules=["q_proj", "k_proj", "up_proj"], lora_alpha=6, use_rslora=True,
    rank_pattern={"^model.layers.0.self_attn.q_proj": 2, "layers.\\d+.mlp.up_proj": 3, "^layers.1.self_attn.q_proj": 7},
    alpha_pattern={"layers.1.self_attn.q_proj": 5, "q_proj": 9.5, "layers.1.self_attn.k_proj.*": 3, "_proj": 100})).make(llama), "llama")
a = Adapter(dict(target_modules=["embed_tokens", "lm_head", "v_proj"])).make(llama); a.whole["model.embed_tokens.weight"] = llama.model.embed_tokens.weight.detach() + random(40, 16)
finish("embedding", a, "llama")
a = Adapter(dict(target_modules=["o_proj"], modules_to_save=["lm_head", "norm"])).make(llama, torch.bfloat16)
a.whole["lm_head.weight"] = random(40, 16).half(); a.whole["model.norm.weight"] = 1 + random(16)
finish("saved", a, "llama")
finish("pickled", Adapter(dict(target_modules=["k_proj", "gate_proj"])).make(llama, torch.float16), "llama", infix=".default", pickled=True)
finish("bf16", Adapter(dict(target_modules=["q_proj", "up_proj"])).make(llama), "llama-bf16")
finish("second", Adapter(dict(target_modules=["q_proj", "o_proj"], r=2)).make(llama), "llama")
m = load("llama"); changed = read("lora").merge(m, 0.5); changed |= read("second").merge(m, -1.25); save_file(changed, f"{out}/second/with-lora.safetensors")
a = Adapter(dict(target_modules=["c_attn", "c_proj", "c_fc"], fan_in_fan_out=True, bias="all", lora_bias=True)).make(load("gpt2", "transformer."))
a.whole = {f"transformer.{k}": v + random(*v.shape) for k, v in load_file(f"{out}/gpt2/model.safetensors").items() if k.endswith(".bias") and "attn" in k}
finish("conv1d", a, "gpt2", prefix="transformer.")

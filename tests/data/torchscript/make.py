"""Writes llama-3.1.pt: the weights of ../reference/llama-3.1 as torch.jit.save of Python's PyTorch writes them.

Run where PyTorch is (written with 1.13.0); the project itself needs no Python.
"""
import json
import pathlib
import struct

import torch

here = pathlib.Path(__file__).parent
source = (here / "../reference/llama-3.1/model.safetensors").read_bytes()
size = struct.unpack("<Q", source[:8])[0]
header = json.loads(source[8:8 + size])


def tensor(name):
    entry = header[name]
    begin, end = entry["data_offsets"]
    data = bytearray(source[8 + size + begin:8 + size + end])
    return torch.nn.Parameter(torch.frombuffer(data, dtype=torch.float32).reshape(entry["shape"]), requires_grad=False)


class Rms(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.weight = tensor(name + ".weight")

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


def linear(name):
    rows, columns = header[name + ".weight"]["shape"]
    made = torch.nn.Linear(columns, rows, bias=False)
    made.weight = tensor(name + ".weight")
    return made


class Mlp(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (linear(f"{name}.{p}_proj") for p in ("gate", "up", "down"))

    def forward(self, x):
        return self.down_proj(torch.nn.functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Attention(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (linear(f"{name}.{p}_proj") for p in "qkvo")

    def forward(self, x):  # stands for the real one: its modules and tensors are what the file is about
        return self.o_proj(self.q_proj(x)) + self.k_proj(x).sum() + self.v_proj(x).sum()


class Layer(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.self_attn = Attention(name + ".self_attn")
        self.mlp = Mlp(name + ".mlp")
        self.input_layernorm = Rms(name + ".input_layernorm")
        self.post_attention_layernorm = Rms(name + ".post_attention_layernorm")

    def forward(self, x):
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(96, 32)
        self.embed_tokens.weight = tensor("model.embed_tokens.weight")
        self.layers = torch.nn.ModuleList([Layer(f"model.layers.{i}") for i in range(3)])
        self.norm = Rms("model.norm")

    def forward(self, ids):
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Body()
        self.lm_head = linear("lm_head")

    def forward(self, ids):
        return self.lm_head(self.model(ids))


torch.jit.script(Model().eval()).save(str(here / "llama-3.1.pt"))

# A look inside: take a model apart, compare it with another, hold its numbers in your hands, run a part of it, and
# change what it thinks.
#
#     pip install ./core/python
#     python3 examples/python/look_inside.py
#
# The models are tiny and lie in the repository, so that all of this takes seconds. It wants NumPy and PyTorch. Editors
# that know `# %%` show the file as a notebook.

# %% Register
#
# A registry keeps specs: what a model is made of. Registering reads headers alone, so it takes milliseconds whatever
# the model's size. This registry is for this page alone; `garage.Registry()` is the one that the command line uses.

import pathlib
import tempfile

import garage

checkpoints = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "reference"
folder = tempfile.TemporaryDirectory()
registry = garage.Registry(catalog=folder.name)

gpt2 = registry.register("me/gpt2", checkpoints / "gpt2")
llama = registry.register("me/llama", checkpoints / "llama-2")
qwen = registry.register("me/qwen", checkpoints / "qwen2-mha")
print(gpt2)
print(f"{gpt2.family}, {gpt2.num_layers} layers, hidden {gpt2.hidden_dim}, {gpt2.parameters:,} parameters")

# %% Parts
#
# A model is a table of parts by name. Each says what it is, where it stands in transformers' own model, and what it
# computes.

for part in registry.parts("me/gpt2", layer=1):
    print(f"{part.name:15} {part.type:11} {part.module_path:20} {part.parameters:6,} parameters")

attention = gpt2.parts["attention_1"]
print(attention.blueprint["op"], "with", attention.blueprint["heads"], "heads")

# %% Compare
#
# Could a part of one model stand where a part of another stood? `drop_in`: its dimensions fit. `weights`: its tensors
# have the same shapes. `identical`: it computes the same function of the same weights.

comparison = registry.compare("me/llama", "me/qwen")
for kind, level in comparison.levels.items():
    print(f"{kind:12} {level.name}")
for swap in comparison.swaps:
    if swap.part_type == "attention":
        print("attention is not more, because of", ", ".join(reason.field for reason in swap.reasons))

# The other way round: of all models in the catalog, what could stand for this one?

for found in registry.find(swappable_with=llama.parts["ffn_0"], level="identical"):
    print(f"{found.model}: {found.parts}")

# %% Numbers
#
# GPT-2 keeps q, k and v in one matrix, transposed. A part does not know: it sees each as a view. Nothing is copied, so
# a tensor of many gigabytes is there at once, and pages are read when they are touched.

q = attention.tensors["q.weight"]
print(q, "strides", q.strides)

array = q.numpy()
print("NumPy:", array.dtype, array.shape, "mean", float(array.mean()))

import torch

tensor = torch.from_dlpack(q)
assert tensor.data_ptr() == q.data_ptr == array.ctypes.data
print("PyTorch sees the same memory:", hex(tensor.data_ptr()))

# You may write to it. The write stays in this process; the file is never touched. `tensor.clone()` is yours alone.

# %% Run a part
#
# A part as a PyTorch module. Its parameters bear the roles' names, and ask for gradients like any other's.

import garage.torch

ffn = garage.torch.module(registry, "me/gpt2", "ffn_1")
with torch.no_grad():
    output = ffn(torch.randn(1, 5, gpt2.hidden_dim, generator=torch.Generator().manual_seed(0)))
print("ffn_1 gave", tuple(output.shape))

# Without a part's name it is the whole model.

model = garage.torch.module(registry, "me/gpt2")
tokens = torch.tensor([[11, 42, 7, 3, 90]])
with torch.no_grad():
    logits = model(tokens)
print("the model gave", tuple(logits.shape), "and the next token", int(logits[0, -1].argmax()))

# %% Record an activation
#
# Parts are submodules, each under its own name, so PyTorch's own hooks are all that it takes.

parts = garage.torch.parts(model)
recorded = {}


def record(module, inputs, output):
    recorded["attention_1"] = output.detach()


hook = parts["attention_1"].register_forward_hook(record)
with torch.no_grad():
    model(tokens)
hook.remove()
print("attention_1 adds", tuple(recorded["attention_1"].shape), "norm", float(recorded["attention_1"].norm()))

# %% Replace it
#
# What a hook returns takes the output's place. Here attention_1 is silenced, to see what it was for.


def silence(module, inputs, output):
    return torch.zeros_like(output)


hook = parts["attention_1"].register_forward_hook(silence)
with torch.no_grad():
    without = model(tokens)
hook.remove()

before, after = logits[0, -1].softmax(-1), without[0, -1].softmax(-1)
print(f"without attention_1 the next token's distribution moves by {float((before - after).abs().sum() / 2):.3f}")

with torch.no_grad():
    assert torch.equal(model(tokens), logits), "the hook is gone, and so is what it did"

# %% The end
#
# Arrays and modules outlive the registry: they keep what they need, and nothing more.

del registry, model, parts, ffn
print("still here:", tuple(tensor.shape), "with mean", float(tensor.mean()))
folder.cleanup()

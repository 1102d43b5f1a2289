#!/usr/bin/env python3
"""Writes the small quantised checkpoints that lie beside this file, and what they stand for.

Run with transformers 5.12.1, torch 2.14.1, compressed_tensors 0.17.1 and safetensors: make.py OUT.
OUT/<name>/checkpoint: config.json, model.safetensors. OUT/<name>/reference.safetensors: input_ids; logits, as
transformers computes them in float32 of the dequantised weights; dequantised.<tensor>, whole.

Where a library's own code can dequantise, it does: compressed_tensors' compressors write and read theirs,
transformers reads FP8 and MXFP4. GPTQ, AWQ and bitsandbytes are packed and computed here; that their published code
unpacks the same was tried with AutoGPTQ's, GPTQModel's, AutoAWQ's and bitsandbytes' functions beside this.
"""
import copy, json, math, os, sys, warnings
warnings.filterwarnings("ignore")
os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compressed_tensors wants a C++ compiler otherwise
import torch, transformers
transformers.logging.set_verbosity_error()
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme

F8 = torch.float8_e4m3fn
generator = torch.Generator().manual_seed(11)


def llama(**over):
    size = dict(vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
                num_key_value_heads=4, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0,
                tie_word_embeddings=False)
    return model_of("llama", {**size, **over})


def model_of(kind, over):
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **over)
    config._attn_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * (0.06 if p.dim() > 1 else 0.1))
    return model


def finish(name, model, store, state, quant, keep):
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.join(folder, "checkpoint"), exist_ok=True)
    other = copy.deepcopy(model)
    other.load_state_dict(state)
    ids = torch.randint(3, 32, (2, 8), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        logits, was = other(ids, use_cache=False).logits, model(ids, use_cache=False).logits
    save_file({k: v.contiguous() for k, v in store.items()}, os.path.join(folder, "checkpoint", "model.safetensors"),
              metadata={"format": "pt"})
    config = model.config.to_dict()
    config.update(architectures=[type(model).__name__], quantization_config=quant, dtype="bfloat16")
    with open(os.path.join(folder, "checkpoint", "config.json"), "w") as file:
        json.dump({k: v for k, v in config.items() if k not in ("id2label", "label2id")}, file, indent=2)
        file.write("\n")
    reference = {"input_ids": ids, "logits": logits.contiguous()}
    reference.update({"dequantised." + k: state[k].float().contiguous() for k in state if k.endswith(keep)})
    save_file(reference, os.path.join(folder, "reference.safetensors"))
    print(f"{name}: {((logits - was).abs().max() / was.abs().max()).item():.3f} off the original")


def make(name, model, quant, by_ending, keep=("q_proj.weight", "up_proj.weight", "down_proj.weight")):
    """by_ending: what quantises a layer, by the end of its module's name; it fills in store, answers the weight."""
    store, state = {}, {}
    for key, value in model.state_dict().items():
        quantise = next((q for end, q in by_ending.items() if key.endswith(end + ".weight")), None)
        if quantise:
            state[key] = quantise(key[:-len(".weight")], value.detach(), store)
        else:
            store[key] = value.to(torch.bfloat16)
            state[key] = store[key].float()
    finish(name, model, store, state, quant, keep)


ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def every(quantise):
    return dict.fromkeys(ALL, quantise)


# ---- words of 32 bits -------------------------------------------------------------------------------------------
def pack_stream(numbers, bits):
    """Down the first dimension, without a gap: [n, m] to int32 [n * bits / 32, m]."""
    count = numbers.shape[0] * bits
    assert count % 32 == 0
    words = torch.zeros(count // 32, numbers.shape[1], dtype=torch.int64)
    for i in range(numbers.shape[0]):
        at = i * bits
        words[at // 32] |= (numbers[i] << (at % 32)) & 0xFFFFFFFF
        if at % 32 + bits > 32:
            words[at // 32 + 1] |= numbers[i] >> (32 - at % 32)
    return torch.where(words >= 2**31, words - 2**32, words).to(torch.int32)


# ---- GPTQ -------------------------------------------------------------------------------------------------------
def gptq(bits=4, group=16, order=None, less_one=True, scales=torch.float16):
    """order: None (no g_idx), "plain", "random" (any order, groups of unequal size)."""
    def quantise(module, w, store):
        rows, columns = w.shape
        size = columns if group == -1 else group
        groups, top = -(-columns // size), 2**bits - 1
        index = torch.arange(columns) // size
        if order == "random":
            rest = torch.randint(0, groups, (columns - groups,), generator=generator)
            index = torch.cat([torch.arange(groups), rest])
            index = index[torch.randperm(columns, generator=generator)]
        s, z = torch.zeros(groups, rows), torch.zeros(groups, rows, dtype=torch.int64)
        q = torch.zeros(columns, rows, dtype=torch.int64)
        for g in range(groups):
            part = w[:, index == g].T
            low, high = part.amin(0).clamp(max=0), part.amax(0).clamp(min=0)
            s[g] = ((high - low) / top).clamp(min=1e-6).to(scales).float()
            z[g] = (-low / s[g]).round().clamp(0, top).long()
            q[index == g] = ((part / s[g]).round() + z[g]).clamp(0, top).long()
        if less_one and bits == 3:
            stored = (z - 1) % 8
            store[module + ".qzeros"] = pack_stream(stored.T.contiguous(), bits).T
        else:
            packed = pack_stream(z.T.contiguous(), bits).T
            ones = sum(1 << at for at in range(0, 32, bits)) if less_one else 0
            packed = (packed.to(torch.int64) - ones) % 2**32
            store[module + ".qzeros"] = torch.where(packed >= 2**31, packed - 2**32, packed).to(torch.int32)
        store[module + ".qweight"], store[module + ".scales"] = pack_stream(q, bits), s.to(scales)
        if order:
            store[module + ".g_idx"] = index.to(torch.int32)
        return ((q - z[index]).float() * s[index]).T.contiguous()
    return quantise


def gptq_config(**over):
    return dict(quant_method="gptq", bits=4, group_size=16, desc_act=False, sym=False, checkpoint_format="gptq") | over


# ---- AWQ --------------------------------------------------------------------------------------------------------
def awq(group, scales=torch.float16):
    def quantise(module, w, store):
        rows, columns = w.shape
        size = columns if group == -1 else group
        parts = w.T.reshape(columns // size, size, rows)
        low, high = parts.amin(1), parts.amax(1)
        s = ((high - low) / 15).clamp(min=1e-6).to(scales).float()
        z = (-low / s).round().clamp(0, 15).long()
        q = ((parts / s[:, None]).round() + z[:, None]).clamp(0, 15).long()
        def pack(numbers):
            eights = numbers.reshape(-1, rows // 8, 8)[..., [0, 2, 4, 6, 1, 3, 5, 7]]
            return pack_stream(eights.reshape(-1, 8).T.contiguous(), 4).reshape(-1, rows // 8)
        store[module + ".qweight"], store[module + ".qzeros"] = pack(q.reshape(columns, rows)), pack(z)
        store[module + ".scales"] = s.to(scales)
        return ((q - z[:, None]).float() * s[:, None]).reshape(columns, rows).T.contiguous()
    return quantise


# ---- FP8 --------------------------------------------------------------------------------------------------------
def fp8(block, scales=torch.float32, name="weight_scale_inv"):
    """transformers' Fp8Dequantize wherever it can: it wants whole blocks."""
    def quantise(module, w, store):
        rows, columns = w.shape
        high, wide = block or (rows, columns)
        up, across = -(-rows // high), -(-columns // wide)
        padded = torch.zeros(up * high, across * wide)
        padded[:rows, :columns] = w
        fields = padded.view(up, high, across, wide)
        s = fields.abs().amax((1, 3)) / 448.0
        if scales in (torch.uint8, torch.float8_e8m0fnu):
            power = torch.ceil(torch.log2(s)).clamp(-126, 126)
            stored = (power + 127).to(torch.uint8)
            s = torch.exp2(power)
            stored = stored if scales == torch.uint8 else stored.view(torch.float8_e8m0fnu)
        else:
            stored = s.to(scales)
            s = stored.float()
        q = (fields / s[:, None, :, None]).clamp(-448, 448).to(F8)
        ours = (q.float() * s[:, None, :, None]).reshape(up * high, across * wide)[:rows, :columns].contiguous()
        q = q.reshape(up * high, across * wide)[:rows, :columns].contiguous()
        store[module + ".weight"] = q
        store[f"{module}.{name}"] = stored if block else stored.reshape(())
        if rows % high == 0 and columns % wide == 0:
            theirs = Fp8Dequantize(None)._dequantize_one(q, store[f"{module}.{name}"], output_dtype=torch.float32)
            assert torch.equal(theirs, ours)
            return theirs
        return ours
    return quantise


def with_activation_scale(quantise, name):
    def both(module, w, store):
        store[f"{module}.{name}"] = torch.tensor(0.25)
        return quantise(module, w, store)
    return both


# ---- compressed-tensors -----------------------------------------------------------------------------------------
def compressed(format, args, scales=torch.bfloat16, order=False, activations=None):
    """The library's own compressor writes it, and reads it with its scales in float32."""
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**args), format=format,
                                input_activations=QuantizationArgs(**activations) if activations else None)
    compressor, weights = BaseCompressor.get_value_from_registry(format), scheme.weights
    low, high = (-2**(weights.num_bits - 1), 2**(weights.num_bits - 1) - 1) if weights.type == "int" else (-6, 6) \
        if weights.num_bits == 4 else (-448, 448)

    def quantise(module, w, store):
        rows, columns = w.shape
        index = None
        wide = weights.group_size if weights.group_size and weights.group_size > 0 else columns
        if order:
            index = (torch.arange(columns) // wide)[torch.randperm(columns, generator=generator)]
        sorted_w = w[:, torch.argsort(index)] if order else w
        if weights.strategy == "tensor": parts = w.reshape(1, 1, -1)
        elif weights.strategy == "block":
            tall, wide = weights.block_structure
            parts = w.view(rows // tall, tall, columns // wide, wide).transpose(1, 2)
            parts = parts.reshape(rows // tall, columns // wide, -1)
        else: parts = sorted_w.reshape(rows, columns // wide, wide)
        local = {"weight": w.clone()}
        if weights.symmetric:
            s, z = parts.abs().amax(-1) / high, None
        else:
            least, most = parts.amin(-1).clamp(max=0), parts.amax(-1).clamp(min=0)
            s = (most - least) / (high - low)
            z = (low - least / s).round().clamp(low, high).to(torch.int8)
        if weights.strategy == "tensor":
            s, z = s.reshape(1), z if z is None else z.reshape(1)
        if format == "nvfp4-pack-quantized":
            local["weight_global_scale"] = torch.tensor([448.0 * 6.0]) / w.abs().max()
            s = (s * local["weight_global_scale"]).to(F8)
        elif weights.scale_dtype == torch.uint8:
            s = torch.exp2(torch.ceil(torch.log2(s)))
        else:
            s = s.to(scales)
        local["weight_scale"] = s.float()
        if z is not None: local["weight_zero_point"] = z
        if order: local["weight_g_idx"] = index.to(torch.int32)
        packed = compressor.compress(local, scheme)
        if "scale_dtype" not in args: packed["weight_scale"] = s
        for key, value in packed.items(): store[f"{module}.{key}"] = value
        again = dict(packed)
        if "scale_dtype" not in args: again["weight_scale"] = s.float()
        theirs = read_in_float32(compressor, again, scheme)
        return theirs.float()
    return quantise


def read_in_float32(compressor, local, scheme):
    """decompress answers bfloat16 for the FP4 formats: of these its steps are taken in float32."""
    from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
    from compressed_tensors.quantization.lifecycle.forward import dequantize
    if scheme.weights.num_bits == 4 and scheme.weights.type == "float":
        rows, half = local["weight_packed"].shape
        numbers = unpack_fp4_from_uint8(local["weight_packed"], rows, half * 2, dtype=torch.float32)
        scale = compressor._decompress_scale(local["weight_scale"], torch.float32)
        return dequantize(numbers, scale, global_scale=local.get("weight_global_scale"), dtype=torch.float32)
    if scheme.weights.scale_dtype == torch.uint8:
        scale = compressor._decompress_scale(local["weight_scale"]).float()
        return dequantize(local["weight"], scale, dtype=torch.float32)
    return compressor.decompress(local, scheme)["weight"]


INT4 = dict(num_bits=4, type="int", strategy="group", group_size=16, symmetric=True)
TOKENS = dict(num_bits=8, type="int", strategy="token", dynamic=True)


def compressed_config(format, groups, **over):
    """groups: end of the module's name to (args, format)."""
    described = {}
    for i, (end, (args, of)) in enumerate(groups.items()):
        weights = json.loads(QuantizationArgs(**args).model_dump_json())
        described[f"group_{i}"] = {"targets": [f"re:.*{end}$"], "weights": weights, "input_activations": None,
                                   "output_activations": None, "format": of}
    return dict(quant_method="compressed-tensors", format=format, quantization_status="compressed",
                global_compression_ratio=None, ignore=["lm_head"], config_groups=described, kv_cache_scheme=None) | over


# ---- bitsandbytes -----------------------------------------------------------------------------------------------
NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]
FP4 = [v / 12 for v in (0, 0.0625, 8, 12, 4, 6, 2, 3, 0, -0.0625, -8, -12, -4, -6, -2, -3)]


def bnb_4bit(kind, block=64, nested=None, storage=torch.uint8):
    """nested: how many scales share one."""
    def quantise(module, w, store):
        code = torch.tensor(NF4 if kind == "nf4" else FP4)
        flat = w.reshape(-1)
        count = flat.numel()
        padded = torch.nn.functional.pad(flat, (0, -count % block)).view(-1, block)
        absmax = padded.abs().amax(1)
        index = (padded / absmax[:, None]).unsqueeze(-1).sub(code).abs().argmin(-1).to(torch.uint8).view(-1)[:count]
        index = torch.nn.functional.pad(index, (0, count % 2))
        state = {"quant_type": kind, "blocksize": block, "dtype": "bfloat16", "shape": list(w.shape)}
        prefix = module + ".weight"
        if nested:
            offset = absmax.mean()
            shifted = torch.nn.functional.pad(absmax - offset, (0, -absmax.numel() % nested)).view(-1, nested)
            most = shifted.abs().amax(1)
            levels = torch.cat([torch.linspace(-1, 1, 255), torch.zeros(1)]).sort().values
            stored = (shifted / most[:, None]).unsqueeze(-1).sub(levels).abs().argmin(-1).to(torch.uint8)
            state.update(nested_blocksize=nested, nested_dtype="float32", nested_offset=offset.item())
            store[prefix + ".nested_absmax"], store[prefix + ".nested_quant_map"] = most, levels
            kept = stored.view(-1)[:absmax.numel()].contiguous()
            store[prefix + ".absmax"] = kept
            absmax = (levels[stored.long()] * most[:, None]).view(-1)[:absmax.numel()] + offset
        else:
            store[prefix + ".absmax"] = absmax
        store[prefix] = (index[0::2] << 4 | index[1::2]).view(storage).unsqueeze(1).contiguous()
        store[prefix + ".quant_map"] = code
        text = list(json.dumps(state).encode())
        store[f"{prefix}.quant_state.bitsandbytes__{kind}"] = torch.tensor(text, dtype=torch.uint8)
        scale = absmax.repeat_interleave(block)[:count]
        return (code[index[:count].long()] * scale).view(w.shape)
    return quantise


def bnb_int8(module, w, store):
    scale = w.abs().amax(1)
    q = (w * (127.0 / scale[:, None])).round().to(torch.int8)
    store[module + ".weight"], store[module + ".SCB"] = q, scale
    store[module + ".weight_format"] = torch.tensor(0, dtype=torch.uint8)
    return q * scale.view(-1, 1) * 7.874015718698502e-3


def bnb_config(**over):
    return dict(quant_method="bitsandbytes", load_in_4bit=True, load_in_8bit=False, bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=False, bnb_4bit_compute_dtype="bfloat16",
                bnb_4bit_quant_storage="uint8", llm_int8_skip_modules=None) | over


# ---- MXFP4 ------------------------------------------------------------------------------------------------------
def mxfp4(name):
    model = model_of("gpt_oss", dict(vocab_size=32, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                                     head_dim=8, num_attention_heads=4, num_key_value_heads=2, num_local_experts=2,
                                     num_experts_per_tok=1, max_position_embeddings=64, bos_token_id=1, eos_token_id=2,
                                     pad_token_id=0, sliding_window=4, layer_types=["sliding_attention"],
                                     tie_word_embeddings=False))
    codes = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0., -.5, -1, -1.5, -2, -3, -4, -6])
    store, state = {}, {}
    for key, value in model.state_dict().items():
        if "experts" in key and key.endswith(("gate_up_proj", "down_proj")):
            t = value.transpose(1, 2)
            experts, rows, columns = t.shape
            blocks = t.reshape(experts, rows, columns // 32, 32)
            e = torch.ceil(torch.log2(blocks.abs().amax(-1).clamp(min=1e-9) / 6))
            code = ((blocks / torch.exp2(e)[..., None])[..., None] - codes).abs().argmin(-1).to(torch.uint8)
            store[key + "_blocks"] = (code[..., 0::2] | code[..., 1::2] << 4).contiguous()
            store[key + "_scales"] = (e + 127).to(torch.uint8)
            state[key] = convert_moe_packed_tensors(store[key + "_blocks"], store[key + "_scales"], dtype=torch.float32)
        else:
            store[key] = value.to(torch.bfloat16)
            state[key] = store[key].float()
    skip = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    quant = dict(quant_method="mxfp4", modules_to_not_convert=skip)
    finish(name, model, store, state, quant, ("gate_up_proj", "down_proj"))


# ---- a few tensors without a model ----------------------------------------------------------------------------
def write(name, store, quant, state):
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.join(folder, "checkpoint"), exist_ok=True)
    save_file({k: v.clone().contiguous() for k, v in store.items()},
              os.path.join(folder, "checkpoint", "model.safetensors"))
    with open(os.path.join(folder, "checkpoint", "config.json"), "w") as file:
        json.dump({"quantization_config": quant}, file, indent=2)
        file.write("\n")
    save_file({"dequantised." + k: v.contiguous() for k, v in state.items()},
              os.path.join(folder, "reference.safetensors"))


def gptq_borrow():
    """Zeros of 0, stored less 1 in the whole word, as GPTQModel does it: each borrows from the next."""
    rows, columns = 32, 32
    q = torch.randint(0, 16, (columns, rows), generator=generator)
    z = torch.randint(0, 16, (2, rows), generator=generator)
    z[0], z[1, ::2] = 0, 0
    s = torch.rand(2, rows, generator=generator).half()
    packed = (pack_stream(z.T.contiguous(), 4).T.to(torch.int64) - 0x11111111) % 2**32
    packed = torch.where(packed >= 2**31, packed - 2**32, packed).to(torch.int32)
    index = torch.arange(columns) // 16
    write("gptq-borrow", {"m.qweight": pack_stream(q, 4), "m.qzeros": packed, "m.scales": s},
          gptq_config(), {"m.weight": ((q - z[index]).float() * s.float()[index]).T})


def fp8_experts():
    """Experts in one tensor, with two matrices of theirs in it; one scale each; and DeepSeek V4's of 4 bits."""
    read = lambda q, s: Fp8Dequantize(None)._dequantize_one(q, s, output_dtype=torch.float32)
    up, up_scale = torch.randn(2, 32, 24, generator=generator).to(F8), torch.rand(2, 2, 1, generator=generator)
    down, down_scale = torch.randn(2, 24, 16, generator=generator).to(F8), torch.rand(2, 1, 1, generator=generator)
    half = torch.randint(-128, 128, (8, 32), generator=generator).to(torch.int8)
    half_scale = torch.randint(110, 130, (8, 2), generator=generator).to(torch.uint8).view(torch.float8_e8m0fnu)
    write("fp8-experts", {"e.gate_up_proj": up, "e.gate_up_proj_scale_inv": up_scale, "w.weight": half,
                          "w.scale": half_scale, "e.down_proj": down, "e.down_proj_scale_inv": down_scale},
          dict(quant_method="fp8", weight_block_size=[128, 128]),
          {"e.gate_up_proj": read(up, up_scale), "w.weight": read(half, half_scale),
           "e.down_proj": read(down, down_scale)})


def pickled():
    """gptq-int3 as torch.save has it; and a module whose scales lie across their storage."""
    from safetensors.torch import load_file
    import shutil
    source, target = (os.path.join(sys.argv[1], name) for name in ("gptq-int3", "gptq-int3-bin"))
    os.makedirs(os.path.join(target, "checkpoint"), exist_ok=True)
    shutil.copy(os.path.join(source, "checkpoint", "config.json"), os.path.join(target, "checkpoint"))
    shutil.copy(os.path.join(source, "reference.safetensors"), target)
    torch.save(load_file(os.path.join(source, "checkpoint", "model.safetensors")),
               os.path.join(target, "checkpoint", "pytorch_model.bin"))
    folder = os.path.join(sys.argv[1], "strided")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump({"quantization_config": gptq_config()}, file, indent=2)
        file.write("\n")
    torch.save({"m.qweight": torch.zeros(8, 32, dtype=torch.int32), "m.qzeros": torch.zeros(4, 4, dtype=torch.int32),
                "m.scales": torch.ones(32, 4, dtype=torch.float16).t()}, os.path.join(folder, "pytorch_model.bin"))


def main():
    make("gptq-act-order", llama(), gptq_config(desc_act=True), every(gptq(order="random")))
    make("gptq-no-g-idx", llama(), gptq_config(group_size=32),
         every(gptq(group=32)) | {"q_proj": gptq(group=32, scales=torch.bfloat16),
                                  "up_proj": gptq(group=32, scales=torch.float32)})
    make("gptq-v2-bits", llama(), gptq_config(checkpoint_format="gptq_v2", group_size=-1, dynamic={
        "+:.*q_proj": {"bits": 2}, "+:.*k_proj": {"bits": 3}, "+:.*up_proj": {"bits": 8},
        "+:.*down_proj": {"bits": 3, "group_size": 32}}),
         every(gptq(group=-1, order="plain", less_one=False)) | {
             "q_proj": gptq(2, -1, "plain", False), "k_proj": gptq(3, -1, "plain", False),
             "up_proj": gptq(8, -1, "plain", False), "down_proj": gptq(3, 32, "plain", False)},
         ("q_proj.weight", "k_proj.weight", "up_proj.weight", "down_proj.weight"))
    for bits in (3, 8):
        make(f"gptq-int{bits}", llama(intermediate_size=32), gptq_config(bits=bits), every(gptq(bits, order="plain")))
    make("awq", llama(), dict(quant_method="awq", bits=4, group_size=16, zero_point=True, version="gemm",
                              modules_to_not_convert=None), every(awq(16)) | {"up_proj": awq(16, torch.float32)})
    make("awq-channels", llama(num_attention_heads=2, num_key_value_heads=1, head_dim=8, intermediate_size=40),
         dict(quant_method="awq", bits=4, group_size=-1, zero_point=True, version="GEMM"), every(awq(-1)))
    make("fp8-blocks", llama(intermediate_size=72),
         dict(quant_method="fp8", activation_scheme="dynamic", weight_block_size=[16, 32],
              modules_to_not_convert=["lm_head"]),
         every(fp8((16, 32))) | {"q_proj": fp8((16, 32), torch.bfloat16),
                                 "v_proj": fp8((16, 32), torch.float8_e8m0fnu)},
         ("q_proj.weight", "v_proj.weight", "up_proj.weight", "down_proj.weight"))
    make("fp8-tensor", llama(), dict(quant_method="fp8", activation_scheme="static", weight_block_size=None),
         every(with_activation_scale(fp8(None), "activation_scale")))
    make("fp8-weight-scale", llama(intermediate_size=32),
         dict(quant_method="fp8", activation_scheme="static", ignored_layers=["lm_head"]),
         every(with_activation_scale(fp8(None, name="weight_scale"), "input_scale")))
    make("mxfp8", llama(), dict(quant_method="mxfp8", activation_scheme="dynamic", weight_block_size=[1, 32]),
         every(fp8((1, 32), torch.uint8)))
    mxfp4("mxfp4")
    asymmetric = INT4 | dict(symmetric=False)
    make("ct-int4-asymmetric", llama(num_key_value_heads=1, head_dim=12),
         compressed_config("pack-quantized", {"": (asymmetric, None)}), every(compressed("pack-quantized", asymmetric)))
    actorder = INT4 | dict(actorder="group")
    make("ct-int4-act-order", llama(), compressed_config("pack-quantized", {"": (actorder, None)}),
         every(compressed("pack-quantized", actorder, torch.float16, order=True)))
    mixed = {  # each module in its own way, of odd sizes
        "q_proj": (dict(num_bits=4, type="int", strategy="channel", symmetric=False), "pack-quantized"),
        "k_proj": (dict(num_bits=8, type="int", strategy="group", group_size=12, symmetric=False), "pack-quantized"),
        "v_proj": (dict(num_bits=3, type="int", strategy="channel", symmetric=True), "pack-quantized"),
        "o_proj": (dict(num_bits=8, type="int", strategy="channel", symmetric=False), "int-quantized"),
        "gate_proj": (dict(num_bits=8, type="float", strategy="tensor", symmetric=True), "float-quantized"),
        "up_proj": (dict(num_bits=8, type="int", strategy="tensor", symmetric=True), "naive-quantized"),
        "down_proj": (dict(num_bits=4, type="int", strategy="tensor", symmetric=True), "pack-quantized"),
    }
    make("ct-mixed", llama(hidden_size=36, intermediate_size=45, num_attention_heads=3, num_key_value_heads=1,
                           head_dim=10),
         compressed_config("mixed-precision", mixed), {end: compressed(of, args) for end, (args, of) in mixed.items()},
         tuple(end + ".weight" for end in ALL))
    float8 = dict(num_bits=8, type="float", symmetric=True)
    float4 = dict(num_bits=4, type="float", symmetric=True)
    exponents = dict(scale_dtype="torch.uint8", zp_dtype="torch.uint8")
    narrow = dict(scale_dtype="torch.float8_e4m3fn", zp_dtype="torch.float8_e4m3fn")
    floats = {
        "q_proj": (float8 | dict(strategy="block", block_structure=[16, 16]), "float-quantized"),
        "k_proj": (float8 | dict(strategy="group", group_size=8), "naive-quantized"),
        "v_proj": (float8 | exponents | dict(strategy="group", group_size=32), "mxfp8-quantized"),
        "o_proj": (float8 | dict(strategy="channel"), "float-quantized"),
        "up_proj": (float4 | narrow | dict(strategy="tensor_group", group_size=16), "nvfp4-pack-quantized"),
        "down_proj": (float4 | exponents | dict(strategy="group", group_size=32), "mxfp4-pack-quantized"),
    }
    make("ct-floats", llama(), compressed_config("mixed-precision", floats),
         {end: with_activation_scale(compressed(of, args), "input_scale") for end, (args, of) in floats.items()},
         tuple(end + ".weight" for end in floats))
    make("bnb-nf4", llama(), bnb_config(bnb_4bit_use_double_quant=True), every(bnb_4bit("nf4", 64, 8)))
    make("bnb-fp4", llama(hidden_size=33, intermediate_size=35, num_attention_heads=3, num_key_value_heads=1,
                          head_dim=6),
         bnb_config(bnb_4bit_quant_type="fp4"), every(bnb_4bit("fp4", 128)))
    make("bnb-storage", llama(), bnb_config(bnb_4bit_quant_storage="bfloat16"),
         every(bnb_4bit("nf4", 64, None, torch.bfloat16)))
    make("bnb-int8", llama(), bnb_config(load_in_4bit=False, load_in_8bit=True), every(bnb_int8))
    gptq_borrow()
    fp8_experts()
    pickled()


main()

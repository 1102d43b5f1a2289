#!/usr/bin/env python3
"""Write small tokenizers that differ in tokens, order and added tokens, and what transformers makes of them.

OUT/<kind>/<model>/: tokenizer.json and tokenizer_config.json. OUT/<kind>/loaded.json: what get_vocab() answers for each
("models"), and for their union ("tokens", in the order of ids). OUT/<kind>/union/: the union, saved. The union is what
mergekit makes (tokenizer/build.py): to the base's tokenizer each token is added that another model has and it lacks, first
what models know by themselves, then what was added to them; here in the order of ids.

sentencepiece/<kind>/ is not written here: spm_train 0.1.97 --model_type=<kind> --vocab_size=30 --hard_vocab_limit=false
--user_defined_symbols='<tool>' --normalization_rule_name=identity, and the first column of its .vocab as `pieces`.
"""
import json, os, sys
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

out = sys.argv[1]
letters = list("abcdehilnorstw")

def special(text, **how): return AddedToken(text, special=True, normalized=False, **how)

def save(tokenizer, path, specials, added, **names):
    tokenizer.add_special_tokens([special(s) for s in specials])
    tokenizer.add_tokens(added)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(f"{out}/{path}")

def bpe(path, merges, specials, added=[], turned=False):
    tokens = specials[:2] + sorted(set("".join("".join(m) for m in merges)) | set(letters) | {"Ġ"})
    tokens += ["".join(m) for m in merges]
    if turned: tokens = tokens[:2] + tokens[:1:-1]
    t = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(tokens)}, merges=merges))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    save(t, path, specials, added, bos_token=specials[0], eos_token=specials[1])

def wordpiece(path, words, added=[]):
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(specials + words)}, unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    save(t, path, specials, added, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
         mask_token="[MASK]")

def unigram(path, pieces, added):
    vocab = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)] + [(p, -1.0 - i / 8) for i, p in enumerate(pieces)]
    t = Tokenizer(models.Unigram(vocab, unk_id=0, byte_fallback=False))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    save(t, path, ["<unk>", "<s>", "</s>"], added, unk_token="<unk>", bos_token="<s>", eos_token="</s>")

def union(kind, names):
    others = [AutoTokenizer.from_pretrained(f"{out}/{kind}/{n}") for n in names]
    base, added, own = AutoTokenizer.from_pretrained(f"{out}/{kind}/{names[0]}"), {}, []
    for t in others:
        own += sorted(t.get_vocab(), key=t.get_vocab().get)
        for token in t.added_tokens_decoder.values(): added.setdefault(token.content, token)
    for word in dict.fromkeys(own):
        if word not in added and word not in base.get_vocab(): base.add_tokens(word)
    for token in added.values(): base.add_tokens(token)
    base.save_pretrained(f"{out}/{kind}/union")
    loaded = {"tokens": sorted(base.get_vocab(), key=base.get_vocab().get),
              "models": {n: t.get_vocab() for n, t in zip(names, others)}}
    json.dump(loaded, open(f"{out}/{kind}/loaded.json", "w"), ensure_ascii=False, separators=(",", ":"))

M = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("Ġ", "w"), ("o", "r"), ("l", "d")]
bpe("bpe/base", M, ["<s>", "</s>"])
bpe("bpe/a", M[:4] + [("e", "r"), ("Ġ", "a"), ("Ġa", "n")], ["<s>", "</s>", "<|im_start|>", "<|im_end|>"], ["cat"])
bpe("bpe/b", M[:3] + [("s", "t"), ("a", "n")], ["<pad>", "</s>", "<|im_start|>"],
    [AddedToken("<tool>", single_word=True, lstrip=True, normalized=False)], turned=True)
W = letters + ["##" + c for c in letters]
wordpiece("wordpiece/base", W + ["the", "world", "##ing"])
wordpiece("wordpiece/a", W[::-1] + ["the", "hello", "##er"], [special("[ENT]")])
unigram("unigram/base", ["▁the", "▁world", "ing", "▁"] + letters, [special("<mask>", lstrip=True)])
unigram("unigram/a", ["▁hello", "▁the"] + letters + ["▁", "er"], [special("<extra>"), special("<mask>", lstrip=True)])
union("bpe", ["base", "a", "b"])
union("wordpiece", ["base", "a"])
union("unigram", ["base", "a"])

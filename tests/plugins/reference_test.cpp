// The reference checkpoints' specs, held against what tells how they were made: the configs that transformers wrote
// and transformers' own code (facts named beside each).
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "variants.hpp"

using namespace garage;
using namespace garage::test;

TEST_CASE("reference: every variant registers, and counts each learned number once", "[plugins]") {
  // Sums of the element counts in the files' headers, less masks; llama-sharded's index says its own total_parameters.
  struct Case { const char* variant; std::int64_t parameters; std::size_t parts; };
  const auto c = GENERATE(values<Case>({{"gpt2", 43296, 20}, {"gpt2-hub", 43296, 20}, {"gpt2-scaled-attn", 16132, 15},
                                        {"llama-2", 34784, 20}, {"llama-3.1", 31712, 20}, {"llama-3.1-v4", 31712, 20},
                                        {"llama-3.2-tied", 28640, 20}, {"llama-biased", 34760, 20}, {"llama-sharded", 44320, 25}}));
  DYNAMIC_SECTION(c.variant) {
    const auto spec = registered(c.variant);
    CHECK(spec->parameters == c.parameters);
    CHECK(spec->parts.size() == c.parts);
    std::int64_t in_headers = 0;
    const auto model = open_checkpoint(reference(c.variant));
    for (const auto& tensor : model.tensors())
      if (!tensor.name.ends_with(".attn.bias") && !tensor.name.ends_with(".masked_bias")) in_headers += tensor.elements();
    CHECK(spec->parameters == in_headers);
  }
}

TEST_CASE("reference: a spec reads back from its document as it was", "[plugins]") {
  for (const auto& variant : kAllVariants) {
    const auto spec = registered(variant);
    CHECK(read_spec(write_spec(*spec), variant) == *spec);
  }
}

TEST_CASE("reference: what lies with its family has as many parameters as transformers counts", "[plugins]") {
  // sum(p.numel() for p in model.parameters()) of transformers 5.12.1, and of it what is not the text model's; plus
  // the numbers of buffers that the file holds, which are no parameters there: layers' scalars, a sound's mean.
  struct Case { const char* variant; std::int64_t parameters, beside; };
  const auto c = GENERATE(values<Case>({
      {"gptoss/gpt-oss", 18648, 0}, {"gemma/gemma-3n-text", 14705, 0}, {"gemma/gemma-4-text", 8781 + 3, 0}, {"gemma/gemma-4-moe-text", 14332 + 3, 0},
      {"gemma/gemma-4-unified-text", 7408 + 3, 0}, {"gemma/gemma-4-shared-text", 15977 + 5, 0},
      {"gemma/gemma-4", 350637 + 3, 341856}, {"gemma/paligemma-2", 20320, 13712}, {"gemma/paligemma", 20224, 13712},
      {"mistral/mistral4-text", 11386, 0}, {"mistral/mistral4-grouped-text", 22748, 0}, {"phi/phi4-multimodal", 72856 + 32, 65704 + 32},
      {"gemma/recurrent-gemma", 5528, 0}, {"gemma/vaultgemma", 6512, 0},
      {"llama/llama4", 38832, 17664}, {"llama/llama4-text", 8944, 0},
      {"mistral/ministral", 7152, 0}, {"mistral/ministral3", 7152, 0},
      {"mistral/mistral3", 21904, 15392}, {"mistral/mistral3-ministral3", 21904, 15392},
      {"qwen/qwen2-vl", 18464, 11216}, {"qwen/qwen2.5-vl", 18672, 11424},
      {"qwen/qwen3-vl", 28792, 21616}, {"qwen/qwen3-vl-moe", 32440, 21616},
      {"qwen/qwen3-next", 16364, 0}, {"qwen/qwen3.5-text", 11972, 0}, {"qwen/qwen3.5-moe-text", 19204, 0},
      {"qwen/qwen3.5", 24996, 10960}, {"qwen/qwen3.5-moe", 32228, 10960},
      {"mamba2/mamba2", 8268, 0}, {"mamba2/falcon-mamba", 8096, 0}, {"jamba/jamba", 14092, 0}, {"bamba/bamba", 10232, 0}, {"granitehybrid/granitemoehybrid", 22520, 0}, {"falconh1/falcon-h1", 13980, 0},
      {"nemotronh/nemotron-h", 7188, 0}, {"lfm2/lfm2", 7128, 0}, {"lfm2/lfm2-moe", 9560, 0}, {"olmohybrid/olmo-hybrid", 8224, 0}, {"zamba2/zamba2", 15760, 0},
      {"xglm/xglm", 6552, 0},
      // Corrections of routers are no parameters, but ERNIE's in transformers.
      {"deepseek/deepseek-v2-lite", 13832, 0}, {"deepseek/deepseek-v3", 12026, 0}, {"deepseek/deepseek-v3.2", 13994, 0},
      {"deepseek/glm-moe-dsa", 12842, 0}, {"deepseek/youtu", 7802, 0},
      {"glm/glm", 7248, 0}, {"glm/glm4", 7344, 0}, {"glm/glm4-moe", 10760, 0}, {"glm/glm4-moe-lite", 12026, 0},
      {"ernie4_5/ernie4.5", 6848, 0}, {"ernie4_5/ernie4.5-moe", 11256 - 8, 0},
      {"hunyuan/hunyuan-dense", 7176, 0}, {"hunyuan/hunyuan-moe", 21192, 0}, {"hunyuan/hy-v3", 10760, 0},
      {"minimax/minimax", 18768 + 8, 0}, {"minimax/minimax-m2", 17784, 0},
      {"dots1/dots1", 10760, 0}, {"solar/solar-open", 12528, 0},
      // Of experts that compute nothing transformers saves tensors, which nobody reads; corrections are the mixture's own.
      {"longcat/longcat", 17160 - 1536 + 12, 0},
  }));
  INFO(c.variant);
  const auto spec = registered(c.variant);
  CHECK(spec->parameters == c.parameters);
  std::int64_t text = 0;
  for (const auto& step : steps(*spec)) text += spec->parts.find(step)->parameters;
  CHECK(text == c.parameters - c.beside);
}

TEST_CASE("reference: an encoder-decoder has as many parameters as transformers counts, each tensor once", "[plugins]") {
  // The same sum; beside it the bias of the logits, which is a buffer there, and less Marian's sines and cosines, which are
  // parameters there and computed here (64 positions of 16 on either side).
  struct Case { const char* variant; std::int64_t parameters; };
  const auto c = GENERATE(values<Case>({
      {"t5/t5", 14992}, {"t5/t5-v1.1", 17296}, {"t5/mt5", 17296}, {"t5/umt5", 17808}, {"t5/t5-few-buckets", 9472},
      {"t5/t5-encoder", 6256}, {"t5/t5-labels", 15298}, {"t5/mt5-token-labels", 7442}, {"t5/umt5-span", 17842},
      {"bart/bart", 17936 + 40}, {"bart/bart-causal", 10968}, {"bart/bart-labels", 18259}, {"bart/mbart", 18000 + 40},
      {"bart/mbart-model", 18000}, {"bart/pegasus", 17872 + 40}, {"bart/blenderbot", 17872 + 40},
      {"bart/m2m-100", 15824}, {"bart/marian", 17808 + 40 - 2048}, {"bart/marian-apart", 18512 + 44 - 2048},
  }));
  INFO(c.variant);
  CHECK(registered(c.variant)->parameters == c.parameters);
}

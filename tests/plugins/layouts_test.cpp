// One model, stored in several ways: the parts are the same, but for their tensors.
#include <map>
#include <regex>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "is_error.hpp"
#include "layouts.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// Experts as transformers 5 holds them: gate_up_proj [E, 2I, H], down_proj [E, H, I].
void stack_experts(Draft& draft, const std::string& router) {
  rename(draft, "block_sparse_moe\\.gate\\.", "mlp." + router + ".");
  rename(draft, "block_sparse_moe", "mlp");
  const std::regex expert(R"((.*mlp\.experts)\.(\d+)\.(w1|w2|w3|gate_proj|down_proj|up_proj)\.weight)");
  std::map<std::string, std::int64_t> experts;
  std::map<std::string, std::vector<std::int64_t>> gates;
  std::vector<TensorInfo> kept;
  for (const auto& tensor : draft.tensors) {
    std::smatch match;
    if (!std::regex_match(tensor.name, match, expert)) {
      kept.push_back(tensor);
      continue;
    }
    experts[match[1]] = std::max(experts[match[1]], std::int64_t{std::stoi(match[2])} + 1);
    if (match[3] == "w1" || match[3] == "gate_proj") gates[match[1]] = tensor.shape;
  }
  for (const auto& [module, count] : experts) {
    const auto width = gates[module][0], hidden = gates[module][1];
    kept.push_back({module + ".gate_up_proj", DType::kF32, {count, 2 * width, hidden}});
    kept.push_back({module + ".down_proj", DType::kF32, {count, hidden, width}});
  }
  draft.tensors = kept;
}

}  // namespace

TEST_CASE("layouts: checkpoints of one model in two layouts give equal specs but for tensors", "[plugins][layouts]") {
  struct Case { const char* a; const char* b; };
  const auto c = GENERATE(values<Case>({{"mixtral", "mixtral-fused"}, {"llama-3.1", "llama-3.1-v4"}, {"gemma-2", "gemma-2-v4"}, {"gpt2", "gpt2-hub"}}));
  DYNAMIC_SECTION(c.a << " and " << c.b) { CHECK(but_for_tensors(*registered(c.a)) == but_for_tensors(*registered(c.b))); }
}

TEST_CASE("layouts: stacked experts are the same parts as one tensor an expert", "[plugins][layouts]") {
  struct Case { const char* variant; const char* router; };
  const auto c = GENERATE(values<Case>({{"mixtral", "gate"}, {"qwen2-moe", "gate"}, {"qwen3-moe", "gate"}, {"phi-moe", "router"}}));
  DYNAMIC_SECTION(c.variant) {
    Draft draft(c.variant);
    stack_experts(draft, c.router);
    const auto stacked = draft.register_it();
    CHECK(but_for_tensors(*stacked) == but_for_tensors(*registered(c.variant)));
    const auto& expert = blueprint<FeedForward>(*stacked, "expert_0_3");
    using Kind = ViewStep::Kind;
    const auto width = *stacked->parts.find("expert_0_3")->intermediate_dim;
    CHECK(expert.up.weight == TensorRef{"model.layers.0.mlp.experts.gate_up_proj", {{Kind::select, {0, 3}}, {Kind::narrow, {0, width, width}}}});
    CHECK(expert.down.weight == TensorRef{"model.layers.0.mlp.experts.down_proj", {{Kind::select, {0, 3}}}});
  }
}

TEST_CASE("layouts: what training wrappers put before every name is seen through, in every family", "[plugins][layouts]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  for (const std::string wrapper : {"_orig_mod.", "module.", "base_model.model.", "model.", "module._orig_mod.", "_forward_module.model."}) {
    INFO(variant << ", " << wrapper);
    Draft plain(variant), wrapped(variant);
    // Bare names of such a class are, behind "model.", those of the class with a head.
    if ((variant.starts_with("mistral/mistral4") || variant == "bart/mbart-model") && wrapper.ends_with("model.")) continue;
    for (auto& tensor : wrapped.tensors) tensor.name = wrapper + tensor.name;
    const auto same = plain.register_it();
    ModelSpec spec = *wrapped.register_it();
    CHECK(spec.extra_info["tensor_prefix"] == boost::json::value(wrapper));
    spec.extra_info.stable_erase("tensor_prefix");
    CHECK(spec.notes == std::vector<std::string>{"'" + wrapper + "' stands before the tensors' names, as a wrapper put it there: seen through"});
    spec.notes.clear();
    for (const auto& [name, part] : spec.parts)
      for (const auto& role : tensor_roles(part)) CHECK(role.ref->tensor.starts_with(wrapper));
    CHECK(but_for_tensors(spec) == but_for_tensors(*same));
  }
}

TEST_CASE("layouts: what training wrappers put within names is seen through, in every family", "[plugins][layouts]") {
  const auto variant = GENERATE(from_range(kAllVariants));
  struct Case { const char* at; const char* wrapper; };
  const auto c = GENERATE(values<Case>({
      {R"(((?:layers|h)\.\d+\.))", "$1_orig_mod."}, {R"(((?:layers|h)\.\d+\.))", "$1_fsdp_wrapped_module._checkpoint_wrapped_module."},
      {R"((\.mlp\.))", "$1_forward_module."}, {R"(^(model|transformer)\.(layers|h)\.)", "$1.$2._orig_mod."}}));
  INFO(variant << ", " << c.wrapper);
  const Draft plain(variant);
  Draft wrapped(variant);
  rename(wrapped, c.at, c.wrapper);
  const auto same = plain.register_it();
  ModelSpec spec = *wrapped.register_it();
  std::map<std::string, std::string> in_file;
  bool any = false;
  for (std::size_t i = 0; i < plain.tensors.size(); ++i) {
    in_file[plain.tensors[i].name] = wrapped.tensors[i].name;
    any = any || plain.tensors[i].name != wrapped.tensors[i].name;
  }
  for (const auto& [name, part] : spec.parts) {
    const auto before = tensor_roles(*same->parts.find(name)), after = tensor_roles(part);
    REQUIRE(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].ref->tensor == in_file.at(before[i].ref->tensor));
  }
  REQUIRE(spec.notes.size() == (any ? 1 : 0));
  if (any) CHECK(spec.notes[0].find("a wrapper's module stands within the tensors' names, as in '") == 0);
  spec.notes.clear();
  CHECK(but_for_tensors(spec) == but_for_tensors(*same));
}

TEST_CASE("layouts: of wrapped names buffers are left out, and two that would be one are not taken for it", "[plugins][layouts]") {
  Draft draft("llama-2");
  draft.tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {4}});
  rename(draft, R"(\.self_attn\.)", ".self_attn._checkpoint_wrapped_module.");
  const auto spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == "model.layers.0.self_attn._checkpoint_wrapped_module.rotary_emb.inv_freq");
  CHECK(spec->ignored[0].count == 1);
  draft.tensors.push_back({"model.layers.1.self_attn.q_proj.weight", DType::kF32, {32, 32}});
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kCorrupt, "is missing: attention_0 needs it"));
}

TEST_CASE("layouts: of a file whose layers have other names one of those is told", "[plugins][layouts]") {
  Draft draft("llama-2");
  rename(draft, R"(^model\.layers)", "decoder.block");
  CHECK_THROWS_MATCHES(draft.register_it(), Error,
                       is_error(Errc::kCorrupt, "num_hidden_layers is 3, the tensors have 0 (model.layers.<i>.…); one that is there is 'decoder.block.0."));
}

TEST_CASE("layouts: buffers that are computed anew are left out, whatever their length", "[plugins][layouts]") {
  struct Case { const char* variant; const char* buffer; };
  const auto c = GENERATE(values<Case>({
      {"llama-2", "model.layers.0.self_attn.rotary_emb.inv_freq"}, {"llama-2", "model.layers.2.self_attn.rotary_emb.cos_cached"},
      {"mistral", "model.layers.0.self_attn.rotary_emb.sin_cached"}, {"gemma", "model.rotary_emb.inv_freq"}, {"qwen2", "model.rotary_emb.cos_cached"},
      {"phi-2", "model.layers.1.self_attn.rotary_emb.cos_cached"}, {"phi-3", "model.layers.1.self_attn.rotary_emb.inv_freq"},
      {"qwen-1", "transformer.h.0.attn.rotary_emb.inv_freq"}, {"qwen-1", "transformer.rotary_emb.inv_freq"},
      {"gpt2", "transformer.h.0.attn.bias"}, {"gpt2", "transformer.h.1.attn.masked_bias"}}));
  INFO(c.buffer);
  Draft draft(c.variant);
  draft.tensors.push_back({c.buffer, DType::kF32, {1, 1, 7, 3}});
  const auto spec = draft.register_it();
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].count == 1);
}

TEST_CASE("layouts: an adapter that is not merged, and other checkpoints that are no whole model, are refused for what they are", "[plugins][layouts]") {
  struct Case { const char* from; const char* to; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"q_proj\\.weight", "q_proj.base_layer.weight", "part of an adapter that is not merged into the model (LoRA): it is not handled; merge it first"},
      {"k_proj\\.weight", "k_proj.ia3_l", "part of an adapter that is not merged into the model (PEFT): it is not handled; merge it first"},
      {"(layers.1.*)v_proj\\.weight", "$1v_proj.hada_w1_a", "(PEFT)"},
      {"(layers.0.*)q_proj\\.weight", "$1q_proj.lora_A.default.weight", "merge_and_unload()"},
      {"model\\.layers\\.0", "midlayer", "EAGLE-3"},
      {"mlp\\.up_proj", "mlp.switch_mlp.up_proj", "MLX"},
  }));
  Draft draft("llama-2");
  rename(draft, c.from, c.to);
  CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.says));
}

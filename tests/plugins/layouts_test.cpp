// One model, stored in several ways: the parts are the same, but for their tensors.
#include <map>
#include <regex>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/tensor_roles.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// The spec without what the file, not the model, decides.
std::string but_for_tensors(ModelSpec spec) {
  spec.source = {};
  spec.model_id.clear();
  spec.dtypes.clear();
  spec.ignored.clear();
  for (auto& [name, part] : spec.parts)
    for (const auto& role : tensor_roles(part)) const_cast<TensorRef&>(*role.ref) = {};
  return write_spec(spec);
}

void rename(Draft& draft, const std::string& pattern, const std::string& replacement) {
  for (auto& tensor : draft.tensors) tensor.name = std::regex_replace(tensor.name, std::regex(pattern), replacement);
}

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

TEST_CASE("layouts: Gemma 3's text model is found under each of its prefixes", "[plugins][layouts][gemma]") {
  const auto original = registered("gemma-3-multimodal");
  CHECK(original->get_attention(0)->module_path == "model.language_model.layers.0.self_attn");
  const auto prefix = GENERATE(as<std::string>{}, "model.language_model.", "language_model.", "model.", "");
  INFO("prefix '" << prefix << "'");
  Draft draft("gemma-3-multimodal");
  rename(draft, "^language_model\\.model\\.", prefix);
  if (prefix == "model.language_model.") {
    rename(draft, "^vision_tower\\.", "model.vision_tower.vision_model.");
    rename(draft, "^multi_modal_projector\\.", "model.multi_modal_projector.");
  }
  CHECK(but_for_tensors(*draft.register_it()) == but_for_tensors(*original));
}

TEST_CASE("layouts: Gemma 3's head may lie in the language model", "[plugins][layouts][gemma]") {
  Draft draft("gemma-3-multimodal");
  draft.tensors.push_back({"language_model.lm_head.weight", DType::kF32, {96, 32}});
  const auto spec = draft.register_it();
  CHECK(spec->parts.find("output_head")->extra_info.at("tie") == "declared_but_stored");
  CHECK(spec->parts.find("output_head")->module_path == "lm_head");
}

TEST_CASE("layouts: a sparse text_config means Gemma3TextConfig's defaults", "[plugins][layouts][gemma]") {
  // As on the hub, where save_pretrained left out what equals the class's default: the shapes below are the 4B's.
  const auto config = boost::json::parse(R"({"model_type": "gemma3", "architectures": ["Gemma3ForConditionalGeneration"],
    "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 6,
                    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
    "vision_config": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "image_size": 28, "patch_size": 14}})").get_object();
  std::vector<TensorInfo> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) { tensors.push_back({name, DType::kBF16, std::move(shape)}); };
  add("language_model.model.embed_tokens.weight", {262208, 2560});
  add("language_model.model.norm.weight", {2560});
  for (int i = 0; i < 6; ++i) {
    const auto layer = "language_model.model.layers." + std::to_string(i) + ".";
    for (const auto* norm : {"input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"}) add(layer + norm + ".weight", {2560});
    add(layer + "self_attn.q_proj.weight", {2048, 2560});
    add(layer + "self_attn.k_proj.weight", {1024, 2560});
    add(layer + "self_attn.v_proj.weight", {1024, 2560});
    add(layer + "self_attn.o_proj.weight", {2560, 2048});
    add(layer + "self_attn.q_norm.weight", {256});
    add(layer + "self_attn.k_norm.weight", {256});
    add(layer + "mlp.gate_proj.weight", {10240, 2560});
    add(layer + "mlp.up_proj.weight", {10240, 2560});
    add(layer + "mlp.down_proj.weight", {2560, 10240});
  }
  for (auto& tensor : Draft("gemma-3-multimodal").tensors)
    if (!tensor.name.starts_with("language_model") && tensor.name.find("layers.1") == std::string::npos) tensors.push_back(tensor);
  for (auto& tensor : tensors)
    if (tensor.name == "multi_modal_projector.mm_input_projection_weight") tensor.shape = {16, 2560};

  TestRegistry registry;
  const auto spec = registry->register_model("gemma", Model(tensors, config));
  CHECK(spec->vocab_size == 262208);
  CHECK(spec->num_heads == 8);
  const auto& local = blueprint<Attention>(*spec, "attention_0");
  const auto& global = blueprint<Attention>(*spec, "attention_5");  // every sixth
  CHECK(local.window == 1024);
  CHECK_FALSE(global.window.has_value());
  CHECK(local.kv_heads == 4);
  CHECK(local.scale == 1.0 / 16);
  CHECK(local.rope->theta == 10000);
  CHECK(local.rope->scaling.kind == RopeScalingKind::none);
  CHECK(global.rope->theta == 1000000);
  CHECK(global.rope->scaling.factor == 8);
}

TEST_CASE("layouts: Phi-2 in the names of its first code is the same model", "[plugins][layouts][phi]") {
  // facts: mergekit's phi2-old.json, llama.cpp's Phi2Model.
  Draft draft("phi-2");
  rename(draft, "^model\\.embed_tokens", "transformer.embd.wte");
  rename(draft, "^model\\.final_layernorm", "lm_head.ln");
  rename(draft, "^lm_head\\.(weight|bias)$", "lm_head.linear.$1");
  rename(draft, "^model\\.layers\\.(\\d+)\\.input_layernorm", "transformer.h.$1.ln");
  rename(draft, "^model\\.layers\\.(\\d+)\\.self_attn\\.dense", "transformer.h.$1.mixer.out_proj");
  rename(draft, "^model\\.layers\\.(\\d+)\\.mlp", "transformer.h.$1.mlp");
  std::erase_if(draft.tensors, [](const TensorInfo& tensor) { return tensor.name.find("self_attn") != std::string::npos; });
  for (int i = 0; i < 3; ++i) {
    draft.tensors.push_back({"transformer.h." + std::to_string(i) + ".mixer.Wqkv.weight", DType::kF32, {96, 32}});
    draft.tensors.push_back({"transformer.h." + std::to_string(i) + ".mixer.Wqkv.bias", DType::kF32, {96}});
  }
  draft.config = boost::json::parse(R"({"model_type": "phi-msft", "architectures": ["PhiForCausalLM"], "n_embd": 32, "n_head": 4,
    "n_layer": 3, "n_inner": 56, "n_positions": 256, "rotary_dim": 4, "vocab_size": 96, "pad_vocab_size_multiple": 32,
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05})").get_object();
  const auto old = draft.register_it(), now = registered("phi-2");
  CHECK(old->parameters == now->parameters);
  CHECK(old->assembly == now->assembly);
  CHECK(old->family == "phi");
  for (const auto* part : {"attention_1", "ffn_1", "final_layernorm", "output_head", "embedding"}) {
    auto a = *old->parts.find(part), b = *now->parts.find(part);
    a.module_path = b.module_path;
    for (auto* each : {&a, &b})
      for (const auto& role : tensor_roles(*each)) const_cast<TensorRef&>(*role.ref) = {};
    CHECK(a == b);
  }
  CHECK(old->parts.find("ln_1")->layer_idx == 1);
  draft.config.erase("model_type");
  CHECK(draft.register_it()->parts == old->parts);
}

TEST_CASE("layouts: Qwen-1's and Qwen2's checkpoints of the same weights compute the same", "[plugins][layouts][qwen]") {
  // reference/qwen-1 was derived from reference/qwen2-mha: w1 is up, w2 is gate.
  const auto one = registered("qwen-1"), two = registered("qwen2-mha");
  CHECK(one->parameters == two->parameters);
  for (const auto* part : {"attention_2", "ffn_2"}) {
    auto a = *one->parts.find(part), b = *two->parts.find(part);
    for (auto* each : {&a, &b})
      for (const auto& role : tensor_roles(*each)) const_cast<TensorRef&>(*role.ref) = {};
    CHECK(a.blueprint == b.blueprint);
  }
  CHECK(blueprint<FeedForward>(*one, "ffn_0").gate->weight.tensor == "transformer.h.0.mlp.w2.weight");
}

TEST_CASE("layouts: what training wrappers put before every name is seen through, in every family", "[plugins][layouts]") {
  const auto variant = GENERATE(from_range(kVariants));
  for (const std::string wrapper : {"_orig_mod.", "module.", "base_model.model.", "model.", "module._orig_mod.", "_forward_module.model."}) {
    INFO(variant << ", " << wrapper);
    Draft plain(variant), wrapped(variant);
    for (auto& tensor : wrapped.tensors) tensor.name = wrapper + tensor.name;
    const auto same = plain.register_it();
    ModelSpec spec = *wrapped.register_it();
    CHECK(spec.extra_info["tensor_prefix"] == boost::json::value(wrapper));
    spec.extra_info.erase("tensor_prefix");
    CHECK(spec.notes == std::vector<std::string>{"'" + wrapper + "' stands before the tensors' names, as a wrapper put it there: seen through"});
    spec.notes.clear();
    for (const auto& [name, part] : spec.parts)
      for (const auto& role : tensor_roles(part)) CHECK(role.ref->tensor.starts_with(wrapper));
    CHECK(but_for_tensors(spec) == but_for_tensors(*same));
  }
}

TEST_CASE("layouts: what training wrappers put within names is seen through, in every family", "[plugins][layouts]") {
  const auto variant = GENERATE(from_range(kVariants));
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

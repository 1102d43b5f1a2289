// Live modules: the names and shapes of the reference checkpoints, as a tree of torch::nn::Module.
#include <garage/nn/live_model.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>
#include <garage/json.hpp>
#include <garage/nn/get_module.hpp>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

using ModulePtr = std::shared_ptr<torch::nn::Module>;

// Made as it is needed.
ModulePtr child(const ModulePtr& parent, const std::string& name) {
  const auto known = parent->named_children();
  return known.contains(name) ? known[name] : parent->register_module(name, std::make_shared<torch::nn::Module>(name));
}

ModulePtr tree(const std::vector<TensorInfo>& tensors) {
  const auto root = std::make_shared<torch::nn::Module>("model");
  for (const auto& tensor : tensors) {
    auto owner = root;
    std::string_view path = tensor.name;
    for (auto dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
      owner = child(owner, std::string(path.substr(0, dot)));
      path.remove_prefix(dot + 1);
    }
    const auto type = tensor.dtype == DType::kBF16 ? torch::kBFloat16 : tensor.dtype == DType::kI64 ? torch::kInt64 : tensor.dtype == DType::kBool ? torch::kBool : torch::kFloat32;
    const auto zeros = torch::zeros(tensor.shape, type);
    const bool is_mask = tensor.shape.empty() || tensor.shape.size() == 4;  // GPT-2's
    if (is_mask) owner->register_buffer(std::string(path), zeros);
    else owner->register_parameter(std::string(path), zeros, false);
  }
  return root;
}

boost::json::object config_of(const std::string& variant) {
  const auto file = reference(variant) / "config.json";
  return parse_json(read_text(file), file.string()).get_object();
}

}  // namespace

TEST_CASE("live: a module gives the spec that its checkpoint gives", "[nn][live]") {
  const auto variant = GENERATE("gpt2", "gpt2-hub", "llama-3.2-tied", "mixtral-fused", "gemma-3-multimodal", "qwen2-moe", "phi-3", "phi-qk-norm");
  INFO(variant);
  TestRegistry registry;
  auto from_file = *registry->register_model("file", open_checkpoint(reference(variant)));
  const auto live = *registry->register_model("live", nn::live_model(*tree(tensors_of(reference(variant))), config_of(variant)));
  CHECK(live.source.kind == "live");
  from_file.model_id = live.model_id;
  from_file.source = live.source;
  CHECK(live == from_file);
}

TEST_CASE("live: parts are the module's own submodules", "[nn][live]") {
  TestRegistry registry;
  const auto part = [&](const ModulePtr& live, const std::string& variant, const std::string& name) {
    return nn::get_module(live, *registry->register_model("m", nn::live_model(*live, config_of(variant))), name);
  };
  const auto llama = tree(tensors_of(reference("llama-2")));
  const auto layer = child(child(child(llama, "model"), "layers"), "1");
  CHECK(part(llama, "llama-2", "layer_1") == layer);
  CHECK(part(llama, "llama-2", "attention_1") == child(layer, "self_attn"));
  CHECK(part(llama, "llama-2", "input_layernorm_1") == child(layer, "input_layernorm"));
  CHECK(part(llama, "llama-2", "output_head") == child(llama, "lm_head"));
  // Of the base class, whose names lack the prefix.
  const auto gpt2 = tree(tensors_of(reference("gpt2-hub")));
  CHECK(part(gpt2, "gpt2-hub", "attention_2") == child(child(child(gpt2, "h"), "2"), "attn"));
  CHECK(part(gpt2, "gpt2-hub", "embedding") == child(gpt2, "wte"));
  // Named otherwise than transformers 5 names its modules.
  const auto mixtral = tree(tensors_of(reference("mixtral")));
  const auto block = child(child(child(child(mixtral, "model"), "layers"), "0"), "block_sparse_moe");
  CHECK(part(mixtral, "mixtral", "ffn_0") == block);
  CHECK(part(mixtral, "mixtral", "expert_0_2") == child(child(block, "experts"), "2"));
  const auto fused = tree(tensors_of(reference("mixtral-fused")));
  CHECK_THROWS_MATCHES(part(fused, "mixtral-fused", "expert_0_2"), Error, is_error(Errc::kUnsupported, "part 'expert_0_2' of 'm' is no module of its own in the live model: there is no 'model.layers.0.mlp.experts.2', and 'model.layers.0.mlp.experts' holds more than it"));
  CHECK_THROWS_MATCHES(part(llama, "llama-2", "attention_9"), Error, is_error(Errc::kNotFound, "'m' has no part 'attention_9'"));
}

TEST_CASE("live: one tensor under two names is one", "[nn][live]") {
  auto tensors = tensors_of(reference("llama-2"));
  std::erase_if(tensors, [](const auto& tensor) { return tensor.name == "lm_head.weight"; });
  const auto live = tree(tensors);
  const auto embedding = child(child(live, "model"), "embed_tokens")->named_parameters()["weight"];
  child(live, "lm_head")->register_parameter("weight", embedding, false);
  TestRegistry registry;
  const auto spec = registry->register_model("m", nn::live_model(*live, config_of("llama-2")));
  const auto* head = spec->parts.find("output_head");
  CHECK(head->extra_info.at("tie") == "recorded_by_file");
  CHECK(head->parameters == 0);
  CHECK(nn::get_module(live, *spec, "output_head") == child(live, "lm_head"));
}

TEST_CASE("live: buffers that no checkpoint has are left out, with a reason", "[nn][live]") {
  TestRegistry registry;
  const auto live = tree(tensors_of(reference("llama-2")));
  const auto rotary = child(child(live, "model"), "rotary_emb");
  rotary->register_buffer("inv_freq", torch::ones({4}));
  const auto spec = registry->register_model("m", nn::live_model(*live, config_of("llama-2")));
  REQUIRE(spec->ignored.size() == 1);
  CHECK(spec->ignored[0].tensors == "model.rotary_emb.inv_freq");
  CHECK(nn::get_module(live, *spec, "rotary_emb") == rotary);
  rotary->register_buffer("other_inv_freq", torch::ones({5}));
  CHECK_THROWS_MATCHES(registry->register_model("m", nn::live_model(*live, config_of("llama-2"))), Error, is_error(Errc::kCorrupt, "model.rotary_emb.other_inv_freq"));
}

TEST_CASE("live: what weights do not tell is asked for, not guessed", "[nn][live][errors]") {
  TestRegistry registry;
  const auto variant = GENERATE("llama-2", "gpt2", "phi-3");
  INFO(variant);
  CHECK_THROWS_MATCHES(registry->register_model("m", nn::live_model(*tree(tensors_of(reference(variant))))), Error, is_error(Errc::kNotFound, "head"));
}

TEST_CASE("live: a spec of a live module has no files to read", "[nn][live][errors]") {
  TestRegistry registry;
  const auto live = tree(tensors_of(reference("llama-2")));
  registry->register_model("m", nn::live_model(*live, config_of("llama-2")));
  CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", "ffn_0"), Error, is_error(Errc::kUnsupported, "'m' was registered from no files, so that there are no weights to read (its source is live)"));
}

TEST_CASE("live: a tensor of a type that no file could hold is named", "[nn][live][errors]") {
  const auto root = std::make_shared<torch::nn::Module>("model");
  root->register_buffer("odd", torch::zeros({2}, torch::kComplexDouble));
  CHECK_THROWS_MATCHES(nn::live_model(*root), Error, is_error(Errc::kUnsupported, "tensor 'odd' is ComplexDouble"));
}

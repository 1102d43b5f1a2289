// Families whose data lie with them (plugins/<family>/tests/data/<variant>), against what transformers computed of the same
// weights: float32, eager attention.
#include <algorithm>
#include <cstdio>
#include <set>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <garage/blueprint/walk.hpp>
#include <garage/checkpoint.hpp>
#include <garage/nn/extract.hpp>
#include <garage/nn/get_module.hpp>

#include "is_error.hpp"
#include "own_rounding.hpp"
#include "tensor_file.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-5;  // of the largest value

double error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  REQUIRE(ours.sizes() == theirs.sizes());
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

using Computed = std::map<std::string, torch::Tensor>;

// What a module of transformers' adds to what the part of its name gives, undefined: nothing.
torch::Tensor added_by_module(const ModelSpec& spec, const fs::path& folder, const std::string& name, const Computed& computed) {
  const auto underscore = name.rfind('_');
  const auto part = name.substr(0, underscore), index = name.substr(underscore + 1);
  const auto of = [&](const std::string& key) { return computed.at(key); };
  if (spec.model_type == "bloom" && part == "attention") return of("layer_" + index + ".in");  // BloomAttention: dropout_add(x, residual)
  if (spec.model_type == "bloom" && part == "ffn") return of("attention_" + index + ".out");     // BloomMLP, the same
  if (spec.model_type == "mpt" && part == "ffn") return of("layer_" + index + ".in") + of("attention_" + index + ".out");  // MptMLP
  // GPTNeoXJapaneseLayer: the bias is added outside the module.
  if (spec.model_type == "gpt_neox_japanese" && part == "attention" && index == std::to_string(spec.num_layers - 1))
    return -read_tensors(folder / "checkpoint/model.safetensors").at("gpt_neox_japanese.layers." + index + ".attention.dense_bias");
  return {};
}

// Of BERT's copies whose module called attention norms and adds the stream, too: those of BERT, the other way round of
// Megatron-BERT and RoBERTa-PreLayerNorm. The part's first stage is that module.
bool is_whole_stage(const ModelSpec& spec, const std::string& part) {
  static const std::set<std::string> kPlain = {"distilbert"};
  return (spec.family == "bert" || spec.family == "deberta") && !kPlain.contains(spec.model_type) && part.starts_with("attention_");
}

// What the caller says of the tokens beside their ids, of positions start to start + length.
nn::Sequence beside(const Computed& computed, std::int64_t start, std::int64_t length) {
  nn::Sequence sequence;
  const auto take = [&](const char* name, torch::Tensor& place, std::int64_t from) {
    if (const auto found = computed.find(name); found != computed.end()) place = found->second.narrow(1, from, start + length - from);
  };
  take("attention_mask", sequence.attention_mask, 0);
  take("token_type_ids", sequence.token_type_ids, start);
  take("task_type_ids", sequence.task_type_ids, start);
  return sequence;
}

// Of tokens that are padding nobody reads what comes out.
torch::Tensor counted(const torch::Tensor& x, const Computed& computed) {
  const auto mask = computed.find("attention_mask");
  if (mask == computed.end() || x.dim() != 3 || x.size(1) != mask->second.size(1)) return x;
  return x * mask->second.unsqueeze(-1);
}

// The references call whatever mixes positions in place of an attention a mixer, and all of one family's by that name (of
// Nemotron-H, whose layers are one thing each, feed-forwards too); the last norm of each side of a T5 they call final_norm.
std::string key_of(const ModelSpec& spec, const std::string& part, const Computed& computed) {
  const std::string_view last = "final_layer_norm";
  if (!computed.count(part + ".in") && part.ends_with("." + std::string(last)))
    return part.substr(0, part.size() - last.size()) + "final_norm";
  if (computed.count(part + ".in")) return part;
  for (const std::string_view stem : {"attention_", "ffn_"})
    if (part.starts_with(stem) && !spec.parts.find("mixer_" + part.substr(stem.size())))
      return "mixer_" + part.substr(stem.size());
  const std::string_view mixer = "mixer_";
  if (part.starts_with(mixer)) return "attention_" + part.substr(mixer.size());  // RWKV's class calls it so
  return part;
}

// Of layers that several streams run through: [streams, batch, seq, hidden] as (batch, seq, streams * hidden).
torch::Tensor side_by_side(const torch::Tensor& x) { return x.dim() == 4 ? x.permute({1, 2, 0, 3}).flatten(2) : x; }

// Which parts others look at, before these run.
std::set<std::string> sources_of(const ModelSpec& spec) {
  struct Sources : BlueprintVisitor {
    std::set<std::string> names;
    void part(const BlueprintPath&, const std::string& name, PartRole role) {
      if (role == PartRole::source) names.insert(name);
    }
  } sources;
  for (const auto& [name, part] : spec.parts) walk(*part.blueprint, sources);
  return sources.names;
}

bool has_two_sides(const ModelSpec& spec) { return std::holds_alternative<EncoderDecoder>(*spec.parts.find(spec.root)->blueprint); }

// Of one stack whose tokens see those after them, too.
bool looks_both_ways(const ModelSpec& spec) {
  const auto* part = spec.parts.find("attention_0");
  if (!part) return false;
  if (const auto* custom = std::get_if<Custom>(&*part->blueprint)) return custom->builder == "disentangled_attention";
  const auto* attention = std::get_if<Attention>(&*part->blueprint);
  return attention && !attention->mask.causal;
}

// How many positions a model goes through piece by piece.
std::int64_t positions_of(const Computed& computed) {
  return computed.at(computed.count("decoder_input_ids") ? "decoder_input_ids" : "input_ids").size(1);
}

// The whole model over some of these positions. Of an encoder-decoder they are its decoder's; its encoder's input goes in at
// once, and with the first piece alone.
torch::Tensor run(nn::PartModule& model, const Computed& computed, std::int64_t start, std::int64_t length,
                  nn::SequenceState* state = nullptr) {
  const auto& ids = computed.at("input_ids");
  const auto decoder_ids = computed.find("decoder_input_ids");
  if (decoder_ids == computed.end()) {
    auto sequence = beside(computed, start, length);
    sequence.state = state;
    return model.forward(ids.narrow(1, start, length), sequence);
  }
  return model.forward(start == 0 ? ids : torch::Tensor(),
                       {.decoder_input = decoder_ids->second.narrow(1, start, length), .state = state});
}

// A model's parts one by one, each with what those before it show: one state goes with all, but what a part remembers of
// its own input, which none but those that look at it may see.
class OneByOne {
 public:
  OneByOne(ModelRegistry& registry, const std::string& id, const torch::Tensor& ids)
      : registry_(registry), id_(id), sources_(sources_of(*registry.get_spec(id))) {
    if (has_two_sides(*registry.get_spec(id))) encoder_output_ = module("encoder")->forward(ids);
    for (const auto* shows : {"per_layer_inputs", "first_embeddings"})
      if (registry.get_spec(id)->parts.find(shows))
        module(shows)->forward(module("embedding")->forward(ids), {.input_ids = ids, .state = &shown_});
  }

  torch::Tensor forward(const std::string& part, const torch::Tensor& input, const nn::Sequence& around = {}) {
    auto state = shown_;
    for (const auto& [source, before] : before_)
      if (part == "layer" + source.substr(source.rfind('_'))) state = before;  // which it runs anew
    auto sequence = around;
    sequence.state = &state;
    if (part.starts_with("decoder.")) sequence.encoder_output = encoder_output_;
    const auto output = module(part)->forward(input, sequence);
    if (sources_.contains(part)) {
      before_[part] = shown_;
      shown_ = state;
    }
    return output;
  }

 private:
  std::shared_ptr<nn::PartModule> module(const std::string& part) const {
    return nn::get_module(registry_, id_, part, {torch::kCPU, torch::kFloat32});
  }

  ModelRegistry& registry_;
  std::string id_;
  std::set<std::string> sources_;
  torch::Tensor encoder_output_;  // of an encoder-decoder
  nn::SequenceState shown_;
  std::map<std::string, nn::SequenceState> before_;  // what was shown before a source ran
};

// after(x + op(norm(x))), of the first stage of the layer that the part is in.
torch::Tensor stage_around(ModelRegistry& registry, const ModelSpec& spec, const std::string& part, const torch::Tensor& x,
                           const nn::Sequence& around) {
  const auto run_part = [&](const std::string& name, const torch::Tensor& input) {
    return nn::get_module(registry, "m", name, {torch::kCPU, torch::kFloat32})->forward(input, around);
  };
  const auto& layer = *spec.parts.find("layer" + part.substr(part.rfind('_')))->blueprint;
  if (const auto* custom = std::get_if<Custom>(&layer))  // DeBERTa's with a convolution: its parts stand in this order
    return run_part(custom->parts.at(1).part, run_part(part, x) + x);
  const auto& stage = std::get<Layer>(layer).stages.front();
  const auto& norm = stage.branches.front().norm;
  const auto sum = run_part(part, norm ? run_part(norm->part, x) : x) + x;
  return stage.after ? run_part(stage.after->part, sum) : sum;
}

}  // namespace

TEST_CASE("nn: parts and logits of families with data of their own are what transformers computes", "[nn][reference][table]") {
  const auto one = GENERATE(from_range(family_variants()));  // one that fails says nothing of the others
  const auto& [family, variant] = one;
  {
    const auto folder = family_data(family, variant);
    INFO(folder);
    TestRegistry registry;
    const auto spec = registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    const auto computed = read_tensors(folder / "reference.safetensors");
    const nn::ModuleOptions options{torch::kCPU, torch::kFloat32};
    OneByOne one_by_one(registry.registry, "m", computed.at("input_ids"));
    double worst = 0;
    int parts = 0;
    for (const auto& [name, part] : spec->parts) {
      // Accounted for, and said not to run.
      const bool is_tower = part.part_type == part_type::kVisionEncoder || part.part_type == part_type::kAudioEncoder;
      if (is_tower && std::holds_alternative<Custom>(*part.blueprint))
        CHECK_THROWS_MATCHES(nn::get_module(registry.registry, "m", name, options), Error, is_error(Errc::kUnsupported, "'" + name + "'"));
      const auto key = key_of(*spec, name, computed);
      const auto input = computed.find(key + ".in"), output = computed.find(key + ".out");
      if (input == computed.end() || output == computed.end()) continue;
      INFO(name);
      nn::Sequence around;
      if (const auto mask = computed.find("attention_mask"); mask != computed.end()) around.attention_mask = mask->second;
      auto ours = is_whole_stage(*spec, name) ? stage_around(registry.registry, *spec, name, input->second, around)
                                              : one_by_one.forward(name, side_by_side(input->second), around);
      if (const auto added = added_by_module(*spec, folder, name, computed); added.defined()) ours = ours + added;
      // Llama4TextMoe joins batch and positions.
      const bool joined = ours.dim() == 3 && output->second.dim() == 2;
      const auto off = error(counted(joined ? ours.flatten(0, 1) : ours, computed), counted(side_by_side(output->second), computed));
      CHECK(off <= kTolerance);
      worst = std::max(worst, off);
      ++parts;
    }
    CHECK(parts == std::count_if(computed.begin(), computed.end(), [](const auto& row) { return row.first.ends_with(".in"); }));
    const auto model = nn::load_model(registry.registry, "m", options);
    const auto& result = computed.at(computed.count("logits") ? "logits" : "last_hidden_state");  // of a class without a head
    const auto positions = positions_of(computed);
    const auto off = error(counted(run(*model, computed, 0, positions), computed), counted(result, computed));
    const auto tolerance = kTolerance + 3 * own_rounding(variant);
    CHECK(off <= tolerance);
    std::printf("%-20s %5d  %.1e  %-14s %.1e\n", variant.c_str(), parts, worst, "", off);

    nn::SequenceState state;
    const auto half = positions / 2;
    if (looks_both_ways(*spec)) {
      const auto in_two = [&] {
        run(*model, computed, 0, half, &state);
        run(*model, computed, half, positions - half, &state);
      };
      CHECK_THROWS_MATCHES(in_two(), Error, is_error(Errc::kUnsupported, "is not run piece by piece"));
      return;
    }
    const auto first = run(*model, computed, 0, half, &state);
    const auto second = run(*model, computed, half, positions - half, &state);
    CHECK(error(torch::cat({first, second}, 1), result) <= tolerance);
  }
}

TEST_CASE("nn: a delta net's memory goes on over chunks and from piece to piece", "[nn][reference][sequence]") {
  // 150 positions of a mixer by torch_recurrent_gated_delta_rule in float64, from which transformers' own chunks of 64 in
  // float32 are 2.4e-06 away. The logits of this checkpoint would say less: transformers' own in float32 are up to 9e-04
  // away from those in float64.
  TestRegistry registry;
  const auto folder = family_data("qwen", "qwen3-next");
  registry->register_model("m", open_checkpoint(folder / "checkpoint"));
  const auto computed = read_tensors(folder / "long.safetensors");
  const auto &input = computed.at("mixer_0.in"), &output = computed.at("mixer_0.out");
  const auto mixer = nn::get_module(registry.registry, "m", "mixer_0", {torch::kCPU, torch::kFloat32});
  CHECK(error(mixer->forward(input), output) <= kTolerance);
  nn::SequenceState state;
  std::vector<torch::Tensor> pieces;
  for (const auto& [start, length] : {std::pair{0, 1}, {1, 2}, {3, 70}, {73, 1}, {74, 76}})
    pieces.push_back(mixer->forward(input.narrow(1, start, length), {.state = &state}));
  CHECK(error(torch::cat(pieces, 1), output) <= kTolerance);

  // What it cannot tell from a mask of scores it does not guess.
  CHECK_THROWS_MATCHES(mixer->forward(input, {.mask = torch::zeros({1, 1, 150, 150})}), Error,
                       is_error(Errc::kUnsupported, "mixer_0: a mask of scores does not say which tokens are padding"));
}

TEST_CASE("nn: a state space's memory goes on over chunks and from piece to piece", "[nn][reference][sequence]") {
  // 150 positions of a mixer by transformers in float64.
  for (const auto* variant : {"mamba2", "falcon-mamba"}) {
    INFO(variant);
    TestRegistry registry;
    const auto folder = family_data("mamba2", variant);
    registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    const auto computed = read_tensors(folder / "long.safetensors");
    const auto &input = computed.at("mixer_0.in"), &output = computed.at("mixer_0.out");
    const auto mixer = nn::get_module(registry.registry, "m", "mixer_0", {torch::kCPU, torch::kFloat32});
    CHECK(error(mixer->forward(input), output) <= kTolerance);
    nn::SequenceState state;
    std::vector<torch::Tensor> pieces;
    for (const auto& [start, length] : {std::pair{0, 1}, {1, 2}, {3, 70}, {73, 1}, {74, 76}})
      pieces.push_back(mixer->forward(input.narrow(1, start, length), {.state = &state}));
    CHECK(error(torch::cat(pieces, 1), output) <= kTolerance);
    CHECK_THROWS_MATCHES(mixer->forward(input, {.mask = torch::zeros({1, 1, 150, 150})}), Error,
                         is_error(Errc::kUnsupported, "mixer_0: a mask of scores does not say which tokens are padding"));
  }
}

TEST_CASE("nn: Llama 4's queries grow by how many tokens came before, whatever positions the caller gives", "[nn][reference]") {
  // transformers counts them anew in each pass (Llama4TextAttention.forward); its layers without a rope read nothing else.
  TestRegistry registry;
  const auto folder = family_data("llama", "llama4-text");
  registry->register_model("m", open_checkpoint(folder / "checkpoint"));
  const auto computed = read_tensors(folder / "reference.safetensors");
  const auto module = nn::get_module(registry.registry, "m", "attention_2", {torch::kCPU, torch::kFloat32});
  const auto input = computed.at("attention_2.in");
  const auto later = torch::arange(input.size(1)).unsqueeze(0) + 40;
  CHECK(error(module->forward(input, {.position_ids = later}), computed.at("attention_2.out")) <= kTolerance);
}

TEST_CASE("nn: what looks at another part says which, and runs once that has run with the same state", "[nn][sequence]") {
  TestRegistry registry;
  const auto folder = family_data("gemma", "gemma-4-shared-text");
  registry->register_model("m", open_checkpoint(folder / "checkpoint"));
  const auto computed = read_tensors(folder / "reference.safetensors");
  const auto get = [&](const char* part) { return nn::get_module(registry.registry, "m", part, {torch::kCPU, torch::kFloat32}); };
  const auto ids = computed.at("input_ids");
  const auto input = computed.at("layer_4.in");
  CHECK_THROWS_MATCHES(get("attention_4")->forward(input), Error,
                       is_error(Errc::kInvalidArgument, "attention_4: looks at the keys and values of 'attention_1', which has not run over these 10 positions"));
  CHECK_THROWS_MATCHES(get("per_layer_input_0")->forward(input), Error,
                       is_error(Errc::kInvalidArgument, "per_layer_input_0: needs what 'per_layer_inputs' shows of the same tokens"));
  CHECK_THROWS_MATCHES(get("per_layer_inputs")->forward(input), Error, is_error(Errc::kInvalidArgument, "there are no input_ids"));
  CHECK_THROWS_MATCHES(get("per_layer_inputs")->forward(input, {.input_ids = ids.narrow(1, 0, 3)}), Error,
                       is_error(Errc::kInvalidArgument, "input_ids are not of as many tokens"));

  // Layer after layer, in two pieces, as a caller may run a model.
  nn::SequenceState state;
  std::vector<torch::Tensor> pieces;
  for (const auto& [start, length] : {std::pair{0, 7}, {7, 3}}) {
    const auto piece = ids.narrow(1, start, length);
    auto x = get("embedding")->forward(piece);
    x = get("per_layer_inputs")->forward(x, {.input_ids = piece, .state = &state});
    for (const auto* part : {"layer_0", "layer_1", "layer_2", "layer_3", "layer_4", "norm", "output_head"}) x = get(part)->forward(x, {.state = &state});
    pieces.push_back(x);
  }
  CHECK(error(torch::cat(pieces, 1), computed.at("logits")) <= kTolerance);

  // A state of the model's is none for a part of it.
  nn::SequenceState of_model;
  nn::load_model(registry.registry, "m", {torch::kCPU, torch::kFloat32})->forward(ids, {.state = &of_model});
  CHECK_THROWS_MATCHES(get("attention_0")->forward(input, {.state = &of_model}), Error,
                       is_error(Errc::kInvalidArgument, "attention_0: the state holds keys of 10 positions, and this pass comes after 0"));
}

TEST_CASE("nn: a part that looks at one outside it is not taken out alone", "[nn][extract]") {
  TestRegistry registry;
  const auto folder = family_data("gemma", "gemma-4-shared-text");
  registry->register_model("m", open_checkpoint(folder / "checkpoint"));
  CHECK_THROWS_MATCHES(nn::extract_part(registry.registry, "m", "layer_3", registry.folder / "part"), Error,
                       is_error(Errc::kUnsupported, "part 'layer_3' does not stand alone: 'attention_3' in it looks at the keys and values of 'attention_2'"));
  const auto computed = read_tensors(folder / "reference.safetensors");
  nn::extract_part(registry.registry, "m", "model", registry.folder / "whole");
  const auto whole = nn::load_extracted(registry.folder / "whole", {torch::kCPU, torch::kFloat32}, &registry->plugins());
  CHECK(error(whole->forward(computed.at("input_ids")), computed.at("logits")) <= kTolerance);
}

TEST_CASE("nn: an attention that reads another's table is taken out with a table of its own", "[nn][extract]") {
  for (const auto& [family, variant] : {std::pair{"bert", "mpnet"}, {"bert", "roformer"}, {"deberta", "deberta-v2"}}) {
    INFO(variant);
    TestRegistry registry;
    const auto folder = family_data(family, variant);
    registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    nn::extract_part(registry.registry, "m", "attention_1", registry.folder / "part");
    const nn::ModuleOptions how{torch::kCPU, torch::kFloat32};
    const auto x = read_tensors(folder / "reference.safetensors").at("attention_1.in");
    const auto alone = nn::load_extracted(registry.folder / "part", how, &registry->plugins());
    CHECK(torch::equal(alone->forward(x), nn::get_module(registry.registry, "m", "attention_1", how)->forward(x)));
  }
}

TEST_CASE("nn: what projects a picture into the text is what transformers computes", "[nn][reference]") {
  for (const auto* variant : {"paligemma", "paligemma-2"}) {
    TestRegistry registry;
    const auto folder = family_data("gemma", variant);
    registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    const auto computed = read_tensors(folder / "reference.safetensors");
    const auto projector = nn::get_module(registry.registry, "m", "projector", {torch::kCPU, torch::kFloat32});
    CHECK(error(projector->forward(computed.at("vision.last_hidden_state")), computed.at("vision.pooler_output")) <= kTolerance);
  }
}

TEST_CASE("nn: a vision tower of core's ops, and its projector, are what transformers computes", "[nn][reference]") {
  struct Case { const char* variant; const char* features; const char* rows; };
  for (const auto& c : {Case{"llava", "vision.hidden_states.1", "vision.pooler_output.0"},  // vision_feature_layer: -2
                        {"smolvlm", "vision.last_hidden_state", nullptr},
                        {"internvl", "vision.last_hidden_state", "vision.pooler_output"}}) {
    INFO(c.variant);
    TestRegistry registry;
    const auto folder = family_data("llava", c.variant);
    registry->register_model("m", open_checkpoint(folder / "checkpoint"));
    const auto computed = read_tensors(folder / "reference.safetensors");
    const auto get = [&](const char* part) { return nn::get_module(registry.registry, "m", part, {torch::kCPU, torch::kFloat32}); };
    auto pixels = computed.at("vision.pixel_values");
    if (pixels.dim() == 5) pixels = pixels.flatten(0, 1);  // several pictures of each text
    const auto features = get("vision_encoder")->forward(pixels);
    CHECK(error(features, computed.at(c.features)) <= kTolerance);
    const auto rows = get("projector")->forward(features);
    if (c.rows) CHECK(error(rows.squeeze(0), computed.at(c.rows).reshape(rows.squeeze(0).sizes())) <= kTolerance);
    CHECK_THROWS_MATCHES(get("vision_encoder")->forward(pixels.narrow(2, 0, 13)), Error, is_error(Errc::kInvalidArgument, "vision.patches: takes pixels"));
  }
}

#include <catch2/catch_test_macros.hpp>

#include <garage/compare.hpp>
#include <garage/spec_document.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

using Names = std::vector<std::string>;

Draft bert(const char* variant) { return Draft(open_checkpoint(family_data("bert", variant) / "checkpoint")); }

SpecPtr spec_of(const char* variant) { return bert(variant).register_it(); }

void add(Draft& draft, const char* name, std::vector<std::int64_t> shape) { draft.tensors.push_back({name, DType::kF32, std::move(shape)}); }

}  // namespace

TEST_CASE("bert: parameters are as many as transformers counts", "[plugins][bert]") {
  // PreTrainedModel.num_parameters of each, as 5.12.1 loads it.
  const std::pair<const char*, std::int64_t> counts[] = {
      {"albert", 3160}, {"bert", 7952}, {"bert-base", 7880}, {"big-bird", 8224}, {"camembert", 7952}, {"distilbert", 7920}, {"electra", 7080}, {"ernie", 7952},
      {"megatron-bert", 7952}, {"mpnet", 8048}, {"rembert", 7636}, {"roberta", 7952}, {"roberta-prelayernorm", 7984}, {"roformer", 7184}, {"xlm-roberta", 7952},
      {"albert-groups", 1588}, {"albert-sequence", 1087}, {"bert-answers", 1466}, {"bert-decoder", 1560}, {"bert-next-sentence", 1538}, {"bert-pretraining", 1650},
      {"bert-sequence", 1547}, {"bert-tokens", 1475}, {"big-bird-sequence", 1571}, {"distilbert-sequence", 1395}, {"electra-discriminator", 1529},
      {"electra-sequence", 1507}, {"ernie-tasks", 1544}, {"megatron-bert-sequence", 1547}, {"mpnet-padded", 1568}, {"mpnet-sequence", 1595},
      {"roberta-model", 1520}, {"roberta-padded", 1560}, {"roberta-prelayernorm-model", 1536}, {"roberta-sequence", 1547}, {"roformer-factorised", 1467}};
  for (const auto& [variant, parameters] : counts) {
    INFO(variant);
    CHECK(spec_of(variant)->parameters == parameters);
  }
}

TEST_CASE("bert: norms come behind the sums, and the head has a transform", "[plugins][bert]") {
  const auto spec = spec_of("bert");
  CHECK(spec->family == "bert");
  CHECK(steps(*spec) == Names{"embedding", "type_embedding", "pos_embedding", "embedding_norm", "layer_0", "layer_1", "layer_2", "head_transform", "output_head"});
  const auto& layer = blueprint<Layer>(*spec, "layer_1");
  CHECK(layer.stages[0].after == PartRef<PartRole::norm>("attention_norm_1"));
  CHECK(layer.stages[1].after == PartRef<PartRole::norm>("ffn_norm_1"));
  CHECK_FALSE(layer.stages[0].branches[0].norm);
  CHECK_FALSE(blueprint<Attention>(*spec, "attention_0").mask.causal);
  CHECK(spec->parts.find("attention_1")->module_path == "bert.encoder.layer.1.attention");
  CHECK(spec->parts.find("head_transform")->part_type == part_type::kTransform);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.bias->tensor == "cls.predictions.bias");
  CHECK(blueprint<Embedding>(*spec, "type_embedding").indexed_by == IndexedBy::types);
  CHECK(spec->parts.find("pooler") == nullptr);
  const auto before = spec_of("megatron-bert");
  CHECK(blueprint<Layer>(*before, "layer_0").stages[0].branches[0].norm == PartRef<PartRole::norm>("attention_norm_0"));
  CHECK(steps(*before)[3] == "layer_0");  // its embeddings have no norm
}

TEST_CASE("bert: a base has its pooler beside, and a classifier runs through it", "[plugins][bert]") {
  const auto base = spec_of("bert-base");
  CHECK(steps(*base).back() == "layer_2");
  const auto& pooler = blueprint<Pooling>(*base, "pooler");
  CHECK(pooler.by == PooledBy::first);
  CHECK(pooler.dense->activation == "tanh");
  CHECK(base->parts.find("pooler")->part_type == part_type::kPooler);
  const auto last_two = [](const char* variant) {
    const auto all = steps(*spec_of(variant));
    return Names(all.end() - 2, all.end());
  };
  CHECK(last_two("bert-sequence") == Names{"pooler", "classifier"});
  CHECK(last_two("roberta-sequence") == Names{"classifier_pooler", "classifier"});
  CHECK(last_two("bert-next-sentence") == Names{"pooler", "classifier"});
  CHECK(last_two("electra-discriminator") == Names{"head_transform", "classifier"});
  CHECK(spec_of("bert-pretraining")->parts.find("next_sentence")->output_dim == 2);
  CHECK(steps(*spec_of("bert-pretraining")).back() == "output_head");
  auto draft = bert("bert-base");
  draft.drop("pooler.dense.weight");
  draft.drop("pooler.dense.bias");
  CHECK(draft.register_it()->parts.find("pooler") == nullptr);  // some were trained without
}

TEST_CASE("bert: what the class does not have is left out by name", "[plugins][bert]") {
  auto draft = bert("bert");  // as the hub's bert-base-uncased has it
  add(draft, "bert.pooler.dense.weight", {16, 16});
  add(draft, "bert.pooler.dense.bias", {16});
  add(draft, "bert.embeddings.position_ids", {1, 64});
  add(draft, "cls.seq_relationship.weight", {2, 16});
  add(draft, "cls.seq_relationship.bias", {2});
  add(draft, "cls.predictions.decoder.bias", {40});
  const auto spec = draft.register_it();
  std::int64_t left_out = 0;
  for (const auto& row : spec->ignored) left_out += row.count;
  CHECK(left_out == 6);
  CHECK(spec->parameters == 7952);
  // TensorFlow's names of a norm's numbers.
  auto renamed = bert("bert");
  for (auto& tensor : renamed.tensors) {
    if (const auto at = tensor.name.find("LayerNorm.weight"); at != std::string::npos) tensor.name.replace(at, 16, "LayerNorm.gamma");
    if (const auto at = tensor.name.find("LayerNorm.bias"); at != std::string::npos) tensor.name.replace(at, 14, "LayerNorm.beta");
  }
  CHECK(renamed.register_it()->parameters == 7952);
  // The other bias alone.
  auto other = bert("bert");
  other.tensor("cls.predictions.bias").name = "cls.predictions.decoder.bias";
  CHECK(blueprint<OutputHead>(*other.register_it(), "output_head").projection.bias->tensor == "cls.predictions.decoder.bias");
  // A base under a class with a head, as sentence-transformers' authors kept it.
  auto bare = bert("bert-base");
  bare.config["architectures"] = {"BertForMaskedLM"};
  CHECK(steps(*bare.register_it()).back() == "layer_2");
}

TEST_CASE("bert: RoBERTa's positions begin behind its padding's, and are counted by the ids", "[plugins][bert]") {
  const auto spec = spec_of("roberta-padded");
  const auto& positions = blueprint<Embedding>(*spec, "pos_embedding");
  CHECK(positions.rows == 20);
  CHECK(positions.offset == 2);
  CHECK(positions.padding_id == 1);
  CHECK(spec_of("roberta-padded")->max_seq_len == 18);
  CHECK(blueprint<Embedding>(*spec_of("mpnet"), "pos_embedding").padding_id == 1);  // whatever the config says
  CHECK_FALSE(blueprint<Embedding>(*spec_of("bert"), "pos_embedding").padding_id);
}

TEST_CASE("bert: ALBERT's layers run as often as the config says", "[plugins][bert]") {
  const auto spec = spec_of("albert");
  CHECK(spec->num_layers == 3);
  CHECK(steps(*spec) == Names{"embedding", "type_embedding", "pos_embedding", "embedding_norm", "embedding_projection", "layer_0", "layer_0", "layer_0", "head_transform", "output_head"});
  CHECK(blueprint<Stack>(*spec, "model").hidden == 8);
  CHECK(spec->hidden_dim == 16);
  const auto groups = steps(*spec_of("albert-groups"));
  CHECK(Names(groups.begin() + 5, groups.begin() + 9) == Names{"layer_0", "layer_0", "layer_1", "layer_1"});
}

TEST_CASE("bert: MPNet's and RoFormer's tables are the first layer's, which the others are tied to", "[plugins][bert]") {
  const auto mpnet = spec_of("mpnet");
  const auto& bias = std::get<RelativeBias>(blueprint<Attention>(*mpnet, "attention_1").position);
  CHECK(bias.tied_to == PartRef<PartRole::owner>("attention_0"));
  CHECK(bias.two_sided);
  CHECK(mpnet->parts.find("attention_0")->parameters == mpnet->parts.find("attention_1")->parameters + 32 * 4);
  const auto roformer = spec_of("roformer");
  const auto& rope = std::get<Rope>(blueprint<Attention>(*roformer, "attention_2").position);
  CHECK(rope.table->tensor == "roformer.encoder.embed_positions.weight");
  CHECK(rope.table_rows == 64);
}

TEST_CASE("bert: Megatron-BERT never looks one way, and BERT does where its config says so", "[plugins][bert]") {
  for (const auto& [variant, causal] : {std::pair{"bert", true}, {"roberta", true}, {"electra", true}, {"megatron-bert", false}, {"rembert", false}, {"roformer", false}, {"big-bird", false}}) {
    INFO(variant);
    auto draft = bert(variant);
    draft.config["is_decoder"] = true;
    CHECK(blueprint<Attention>(*draft.register_it(), "attention_0").mask.causal == causal);
  }
}

TEST_CASE("bert: what its classes can be asked for and blueprints do not say is refused by its key", "[plugins][bert]") {
  struct Case { const char* variant; const char* key; boost::json::value value; const char* says; };
  const std::vector<Case> cases = {{"bert", "add_cross_attention", true, "'add_cross_attention' is true"},
                                   {"bert", "position_embedding_type", "relative_key", "'position_embedding_type' is \"relative_key\""},
                                   {"roformer", "rotary_value", true, "'rotary_value' is true"},
                                   {"albert", "inner_group_num", 2, "'inner_group_num' is 2"},
                                   {"mpnet", "relative_attention_num_buckets", 64, "'relative_attention_num_buckets' is 64"},
                                   {"electra", "architectures", {"ElectraForMultipleChoice"}, "ElectraForMultipleChoice: how it pools a sequence is not known here"},
                                   {"big-bird", "architectures", {"BigBirdForQuestionAnswering"}, "its head has a layer of its own"}};
  for (const auto& c : cases) {
    INFO(c.key);
    auto draft = bert(c.variant);
    draft.config[c.key] = c.value;
    CHECK_THROWS_MATCHES(draft.register_it(), Error, is_error(Errc::kUnsupported, c.says));
  }
}

TEST_CASE("bert: an encoder's attention stands for a decoder's only as something to train anew", "[plugins][bert][compare]") {
  const auto encoder = spec_of("bert");
  auto draft = bert("bert");
  draft.config["is_decoder"] = true;
  const auto decoder = draft.register_it();
  for (const auto& swap : compare(*encoder, *decoder).swaps) {
    if (swap.part_type == part_type::kFfn) CHECK(swap.level == SwapLevel::identical);
    if (swap.part_type != part_type::kAttention) continue;
    CHECK(swap.level == SwapLevel::drop_in);
    CHECK(swap.reasons == std::vector<SwapReason>{{"mask.causal", "false", "true"}});
  }
}

TEST_CASE("bert: specs are read as they were written", "[plugins][bert]") {
  for (const auto& [family, variant] : family_variants()) {
    if (family != "bert") continue;
    INFO(variant);
    const auto text = write_spec(*spec_of(variant.c_str()));
    CHECK(write_spec(read_spec(text, "m.json")) == text);
  }
}

// Heads that are tied to the embedding, in the four ways that files and configs tell it.
#include <catch2/catch_test_macros.hpp>

#include "is_error.hpp"
#include "variants.hpp"

using namespace garage;
using namespace garage::test;

namespace {

void check_tied(const ModelSpec& spec, const std::string& tensor) {
  const auto& head = blueprint<OutputHead>(spec, "output_head");
  CHECK(head.tied_to == "embedding");
  CHECK(head.projection.weight.tensor == tensor);
  CHECK(blueprint<Embedding>(spec, "embedding").weight.tensor == tensor);
  CHECK(spec.parts.find("output_head")->parameters == 0);
}

std::string tie(const ModelSpec& spec) { return std::string(spec.parts.find("output_head")->extra_info.at("tie").as_string()); }

}  // namespace

TEST_CASE("tied head: the config ties, and the file has no head", "[plugins][tied]") {
  const auto spec = registered("llama-3.2-tied");
  CHECK(tie(*spec) == "declared");
  check_tied(*spec, "model.embed_tokens.weight");
}

TEST_CASE("tied head: the config ties, and the file has a head all the same: it is used", "[plugins][tied]") {
  Draft draft("llama-3.2-tied");
  draft.tensors.push_back({"lm_head.weight", DType::kBF16, {96, 32}});
  const auto spec = draft.register_it();
  CHECK(tie(*spec) == "declared_but_stored");
  CHECK(blueprint<OutputHead>(*spec, "output_head").tied_to == std::nullopt);
  CHECK(blueprint<OutputHead>(*spec, "output_head").projection.weight.tensor == "lm_head.weight");
  CHECK(spec->parameters == 28640 + 96 * 32);
}

TEST_CASE("tied head: the config ties, and of the two the file kept the head: it is both", "[plugins][tied]") {
  for (const auto* variant : {"llama-3.2-tied", "qwen2-tied", "gemma", "gpt2"}) {
    Draft draft(variant);
    const std::string embedding = variant == std::string("gpt2") ? "transformer.wte.weight" : "model.embed_tokens.weight";
    if (std::any_of(draft.tensors.begin(), draft.tensors.end(), [](const auto& tensor) { return tensor.name == "lm_head.weight"; })) draft.drop("lm_head.weight");
    draft.tensor(embedding).name = "lm_head.weight";
    const auto spec = draft.register_it();
    CHECK(tie(*spec) == "declared");
    check_tied(*spec, "lm_head.weight");
  }
  Draft untied("llama-2");
  untied.drop("model.embed_tokens.weight");
  CHECK_THROWS_MATCHES(untied.register_it(), Error, is_error(Errc::kCorrupt, "tensor 'model.embed_tokens.weight' is missing: embedding needs it"));
}

TEST_CASE("tied head: the file's metadata says which tensor was kept", "[plugins][tied]") {
  Draft head_dropped("llama-2");
  head_dropped.drop("lm_head.weight");
  head_dropped.metadata["lm_head.weight"] = "model.embed_tokens.weight";
  auto spec = head_dropped.register_it();
  CHECK(tie(*spec) == "recorded_by_file");
  check_tied(*spec, "model.embed_tokens.weight");

  Draft embedding_dropped("llama-2");
  embedding_dropped.drop("model.embed_tokens.weight");
  embedding_dropped.metadata["model.embed_tokens.weight"] = "lm_head.weight";
  spec = embedding_dropped.register_it();
  CHECK(tie(*spec) == "recorded_by_file");
  check_tied(*spec, "lm_head.weight");
}

TEST_CASE("tied head: neither tied nor there is an error that says both", "[plugins][tied]") {
  Draft draft("llama-2");
  draft.drop("lm_head.weight");
  CHECK_THROWS_MATCHES(draft.register_it(), Error,
                       is_error(Errc::kCorrupt, "tensor 'lm_head.weight' is missing: output_head needs it, [96, 32], since the config does not tie it"));
}

TEST_CASE("tied head: of a tied file that has neither both are named", "[plugins][tied]") {
  Draft draft("llama-3.2-tied");
  draft.tensor("model.embed_tokens.weight").name = "model.embed_token.weight";
  CHECK_THROWS_MATCHES(draft.register_it(), Error,
                       is_error(Errc::kCorrupt, "tensor 'model.embed_tokens.weight' is missing, and so is 'lm_head.weight': embedding and output_head "
                                                "are tied, and one of the two is needed, [96, 32]; did you mean 'model.embed_token.weight'?"));
}

TEST_CASE("tied head: an own head is no tie", "[plugins][tied]") { CHECK(tie(*registered("llama-2")) == "none"); }

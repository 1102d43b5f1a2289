#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/accounting.hpp>
#include <garage/error.hpp>
#include <garage/spec_document.hpp>

#include "checks.hpp"
#include "known_models.hpp"

namespace garage::conformance {
namespace {

void leaves_others_alone(const Subject& subject) {
  const auto own = subject.families();
  for (const auto& known : known_models()) {
    if (std::find(own.begin(), own.end(), known.family) != own.end()) continue;
    for (const std::string& config : {known.config, std::string("{}")}) {
      const RawModel model(config, known.tensors, fmt::format("{}", fmt::join(own, "-")));
      const auto answer = subject.detect(model.view);
      if (answer.status == 0 && answer.score > 0)
        throw Failed(fmt::format("claims a model of family '{}'{} with score {}: {}", known.family,
                                 config == "{}" ? " without its config" : "", answer.score, answer.reason));
    }
  }
}

void answers_within_bounds(const Subject& subject) {
  const auto own = subject.families();
  subject.each([&](const std::string& name, const Model& known) {
    const RawModel model(known);
    const auto answer = subject.detect(model.view);
    if (answer.status != 0) throw Failed(fmt::format("fails to detect {}: {}", name, answer.message));
    if (answer.score < 0 || answer.score > 100)
      throw Failed(fmt::format("gives {} a score of {}, should be 0 to 100", name, answer.score));
    if (answer.score > 0 && std::find(own.begin(), own.end(), answer.family) == own.end())
      throw Failed(
          fmt::format("claims {} for family '{}', its info names {}", name, answer.family, fmt::join(own, ", ")));
    if (answer.reason.empty()) throw Failed(fmt::format("gives no reason of its answer to {}", name));
  });
}

void goes_by_no_name(const Subject& subject) {
  subject.each([&](const std::string& name, const Model& known) {
    RawModel model(known);
    const auto plain = subject.detect(model.view);
    const std::string tempting = fmt::format("{}/{}", subject.name(), fmt::join(subject.families(), "-"));
    for (const std::string& id : {std::string(), tempting, std::string("another-family")}) {
      model.view.model_id = {id.data(), id.size()};
      const auto answer = subject.detect(model.view);
      if (answer.score != plain.score && plain.score != 60)  // an id may break a tie of structural claims
        throw Failed(fmt::format("gives {} a score of {} under the id '{}', {} under another: an id is no reason", name,
                                 answer.score, id, plain.score));
    }
  });
}

// A host may pass over a plugin that lists model_types, for every model whose config has others alone.
void lists_what_it_claims(const Subject& subject) {
  const auto listed = subject.model_types();
  if (listed.empty()) throw Skipped("its info lists no model_types: it is asked about every model");
  subject.each([&](const std::string& name, const Model& known) {
    auto config = known.config();
    const auto* type = config.if_contains("model_type");
    if (!type || !type->is_string() || subject.detect(RawModel(known).view).score == 0) return;
    const std::string own(type->get_string());
    if (std::find(listed.begin(), listed.end(), own) == listed.end())
      throw Failed(fmt::format("claims {}, whose model_type '{}' its info's model_types lack ({})", name, own,
                               fmt::join(listed, ", ")));
    config["model_type"] = "none that anybody knows";
    const RawModel foreign(boost::json::serialize(config), known.tensors());
    if (const auto answer = subject.detect(foreign.view); answer.score > 0)
      throw Failed(fmt::format("claims {} under a model_type that its info's model_types lack ({}): leave the list out",
                               name, answer.reason));
  });
}

void says_why_it_fails(const Subject& subject) {
  const RawModel model("{\"model_type\": \"none that anybody knows\"}", {{"w", DType::kF32, {2}}});
  const auto answer = subject.decompose(model.view);
  if (answer.status == 0) throw Failed("decomposes a model of one tensor and an unknown model_type");
  if (answer.message.empty()) throw Failed(fmt::format("fails with code {} and no message", answer.status));
}

void claims_its_own(const Subject& subject) {
  subject.each_own([&](const std::string& name, const Model& own) {
    const RawModel model(own);
    const auto answer = subject.detect(model.view);
    if (answer.score == 0)
      throw Failed(fmt::format("does not claim {}: {}", name, answer.status ? answer.message : answer.reason));
  });
}

void accounts_for_every_tensor(const Subject& subject) {
  subject.each_own([&](const std::string& name, const Model& own) {
    const RawModel model(own);
    const auto answer = subject.decompose(model.view);
    if (answer.status != 0)
      throw Failed(fmt::format("plugin '{}' cannot decompose {}: {}", subject.name(), name, answer.message));
    try {
      auto spec = read_spec(answer.spec, "its spec");
      account(spec, own);
    } catch (const Error& error) { throw Failed(fmt::format("{}: {}", name, error.what())); }
  });
}

void reads_its_config(const Subject& subject) {
  std::vector<std::string> unread;
  subject.each_own([&](const std::string&, const Model& own) {
    const auto answer = subject.decompose(RawModel(own).view);
    if (answer.status != 0) return;  // another check says so
    const auto spec = read_spec(answer.spec, "its spec");
    const auto* keys = spec.extra_info.if_contains("unread_config");
    if (!keys || !keys->is_array()) return;
    for (const auto& key : keys->get_array())
      if (key.is_string() && std::find(unread.begin(), unread.end(), key.get_string()) == unread.end())
        unread.emplace_back(key.get_string());
  });
  if (!unread.empty())
    throw Passed(fmt::format("never asks for {}: does one of them change a number?", fmt::join(unread, ", ")));
}

}  // namespace

std::vector<Check> model_checks() {
  return {
      {"leaves-others-alone", "It claims no model of another family", leaves_others_alone},
      {"answers-within-bounds", "Scores are 0 to 100, families its own, and there is a reason", answers_within_bounds},
      {"goes-by-no-name", "What a model is called changes no score", goes_by_no_name},
      {"lists-what-it-claims", "It claims no model_type that its info's model_types lack", lists_what_it_claims},
      {"says-why-it-fails", "What it cannot decompose it refuses with a message", says_why_it_fails},
      {"claims-its-own", "It claims the models that it is for", claims_its_own},
      {"accounts-for-every-tensor", "Every tensor of them has a place, every shape is right",
       accounts_for_every_tensor},
      {"reads-its-config", "Says which keys of their configs it never asks for", reads_its_config}};
}

}  // namespace garage::conformance

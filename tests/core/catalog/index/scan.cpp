#include "scan.hpp"

#include <set>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/part_kinds.hpp>
#include <garage/spec_file.hpp>

#include "places.hpp"

namespace garage::test {

namespace fs = std::filesystem;
namespace {

using Names = std::set<std::string>;

std::vector<std::string> split(const std::string& text, const std::string& at) {
  std::vector<std::string> pieces;
  for (std::size_t from = 0, to = 0; to != text.npos; from = to + at.size())
    pieces.push_back(text.substr(from, (to = text.find(at, from)) == text.npos ? text.npos : to - from));
  return pieces;
}

// "attention_{0..2}, norm" as a shell would expand it.
Names expand(const std::string& ranges) {
  Names names;
  for (const auto& range : split(ranges, ", ")) {
    const auto open = range.find('{'), close = range.find('}');
    if (open == range.npos) {
      names.insert(range);
      continue;
    }
    for (const auto& run : split(range.substr(open + 1, close - open - 1), ",")) {
      const auto ends = split(run, "..");
      const int first = std::stoi(ends[0]), last = ends.size() > 1 ? std::stoi(ends[1]) : first;
      for (int i = first; i <= last; i += ends.size() > 2 ? std::stoi(ends[2]) : 1)
        for (const auto& name : expand(fmt::format("{}{}{}", range.substr(0, open), i, range.substr(close + 1))))
          names.insert(name);
    }
  }
  return names;
}

bool answers(const ModelSpec& spec, const std::string& name, const PartSpec& part, const PartQuery& query) {
  const auto& blueprint = part.blueprint.value();
  const auto* attention = std::get_if<Attention>(&blueprint);
  const auto* ffn = std::get_if<FeedForward>(&blueprint);
  const auto* norm = std::get_if<Norm>(&blueprint);
  const auto* rope = std::get_if<Rope>(&blueprint);
  if (attention && std::holds_alternative<Rope>(attention->position)) rope = &std::get<Rope>(attention->position);
  if (is_whole_model(spec, name)) return false;  // it has no kind: its parts do
  return (!query.type || part.part_type == *query.type) && (!query.family || spec.family == *query.family) &&
         (!query.hidden_dim || part.input_dim == *query.hidden_dim || part.output_dim == *query.hidden_dim) &&
         (!query.heads || (attention && attention->heads == *query.heads)) &&
         (!query.kv_heads || (attention && attention->kv_heads == *query.kv_heads)) &&
         (!query.head_dim || (attention && attention->qk_dim == *query.head_dim)) &&
         (!query.intermediate_dim || part.intermediate_dim == *query.intermediate_dim) &&
         (!query.activation || (ffn && ffn->activation == *query.activation)) &&
         (!query.norm || (norm && boost::describe::enum_to_string(norm->kind, "") == *query.norm)) &&
         (!query.rope_theta || (rope && rope->theta == *query.rope_theta));
}

}  // namespace

std::map<std::string, ModelSpec> all_specs(const fs::path& catalog) {
  std::map<std::string, ModelSpec> specs;
  for (const auto& entry : fs::directory_iterator(catalog)) {
    if (entry.path().extension() != ".json") continue;
    try {
      auto spec = read_spec_file(entry.path());
      if (entry.path().filename() == safe_id(spec.model_id) + ".json") specs.emplace(spec.model_id, std::move(spec));
    } catch (const Error&) {}
  }
  return specs;
}

Found scan(const std::map<std::string, ModelSpec>& specs, const PartQuery& query) {
  Found found;
  for (const auto& [id, spec] : specs) {
    std::map<std::string, SwapLevel> levels;
    if (query.swappable_with)
      for (const auto& swap : compare(specs.at(query.swappable_with->model), spec).swaps)
        if (expand(swap.a).contains(query.swappable_with->part))
          for (const auto& name : expand(swap.b)) levels[name] = swap.level;
    for (const auto& [name, part] : spec.parts) {
      if (!answers(spec, name, part, query)) continue;
      if (!query.swappable_with) {
        found[{id, name}] = std::nullopt;
      } else if (levels.contains(name) && levels[name] >= query.swappable_with->level &&
                 !(id == query.swappable_with->model && name == query.swappable_with->part)) {
        found[{id, name}] = levels[name];
      }
    }
  }
  return found;
}

Found asked(const ModelRegistry& registry, const PartQuery& query) {
  Found found;
  for (const auto& each : find_parts(registry, query).found)
    for (const auto& name : expand(each.parts)) {
      const auto& [at, fresh] = found.emplace(std::pair(each.model, name), each.level);
      CHECK(fresh);
    }
  return found;
}

SpecMaker::SpecMaker(unsigned seed) : random_(seed) {
  for (const auto& entry : fs::directory_iterator(test_data("specs")))
    if (entry.path().extension() == ".json") specs_.push_back(read_spec_file(entry.path()));
}

ModelSpec SpecMaker::make(const std::string& id) {
  auto spec = specs_[static_cast<std::size_t>(upto(static_cast<int>(specs_.size()) - 1))];
  spec.model_id = id;
  for (auto& [name, part] : spec.parts) {
    auto* attention = std::get_if<Attention>(&*part.blueprint);
    if (auto* rope = attention ? std::get_if<Rope>(&attention->position) : nullptr; rope && upto(3) == 0)
      rope->theta = 1000.0 * (1 + upto(2));
    if (auto* norm = std::get_if<Norm>(&*part.blueprint); norm && upto(5) == 0) norm->eps = 0.5;
  }
  return spec;
}

std::vector<PartQuery> queries(SpecMaker& maker, const std::map<std::string, ModelSpec>& specs) {
  std::vector<PartQuery> asked{{.type = "attention"}, {.type = "ffn", .activation = "silu"}, {.hidden_dim = 32},
                               {.heads = 4, .kv_heads = 2}, {.norm = "rms"}, {.rope_theta = 10000}, {.family = "qwen"},
                               {.head_dim = 8}, {.intermediate_dim = 56}};
  if (specs.empty()) return asked;
  const auto& [id, spec] = *std::next(specs.begin(), maker.upto(static_cast<int>(specs.size()) - 1));
  const auto part = std::next(spec.parts.begin(), maker.upto(static_cast<int>(spec.parts.size()) - 2))->first;  // not the root
  for (const auto level : {SwapLevel::drop_in, SwapLevel::weights, SwapLevel::identical})
    asked.push_back({.swappable_with = PartQuery::Like{id, part, level}});
  return asked;
}

}  // namespace garage::test

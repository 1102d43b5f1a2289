#include <garage/compare.hpp>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>

#include "commands.hpp"
#include "level.hpp"
#include "output.hpp"
#include "page/pages.hpp"
#include "require.hpp"
#include "stored_text.hpp"

namespace garage::cli {
namespace {

struct Options {
  std::vector<std::string> ids;
  bool all = false;
  std::optional<std::filesystem::path> html;
};

void print_two(const Comparison& comparison, const ModelSpec& a, const ModelSpec& b) {
  Table summary({"", comparison.models[0], comparison.models[1]});
  summary.add({"family", comparison.families[0], comparison.families[1]});
  const auto numbers = [&](const char* what, const std::vector<std::int64_t>& values) {
    summary.add({what, grouped(values[0]), grouped(values[1])});
  };
  numbers("hidden", comparison.hidden_dims);
  numbers("layers", comparison.num_layers);
  numbers("heads", comparison.num_heads);
  numbers("vocabulary", comparison.vocab_sizes);
  // No difference of architecture, and one that people want to see.
  if (const auto first = stored_kinds(a), second = stored_kinds(b); first != second)
    summary.add({"stored as", first, second});
  Table swaps({"LEVEL", "TYPE", "OF THE FIRST", "OF THE SECOND", "NOT HIGHER BECAUSE"});
  for (const auto& swap : comparison.swaps) {
    std::vector<std::string> reasons;
    for (const auto& reason : swap.reasons) {
      if (reasons.size() == 3 && swap.reasons.size() > 4) {
        reasons.push_back(fmt::format("{} more (--json has them)", swap.reasons.size() - 3));
        break;
      }
      reasons.push_back(fmt::format("{} {} / {}", reason.field, reason.a, reason.b));
    }
    swaps.add({level_name(swap.level), swap.part_type, swap.a, swap.b, fmt::format("{}", fmt::join(reasons, ", "))});
  }
  swaps.paint(0, level_colour);
  print(summary);
  print("");
  print(swaps);
}

// One row a pair, one column a part type.
void print_matrix(const std::vector<Comparison>& comparisons) {
  std::vector<std::string> types;
  for (const auto& comparison : comparisons)
    for (const auto& [type, level] : levels_by_type(comparison))
      if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
  std::vector<std::string> heading{"FIRST", "SECOND"};
  heading.insert(heading.end(), types.begin(), types.end());
  Table table(heading);
  for (const auto& comparison : comparisons) {
    std::vector<std::string_view> row{comparison.models[0], comparison.models[1]};
    const auto levels = levels_by_type(comparison);
    for (const auto& type : types) {
      const auto found =
          std::find_if(levels.begin(), levels.end(), [&](const auto& level) { return level.first == type; });
      row.push_back(found == levels.end() ? "-" : level_name(found->second));
    }
    table.add(row);
  }
  for (std::size_t i = 0; i < types.size(); ++i) table.paint(i + 2, level_colour);
  print(table);
}

// Of the whole catalog: one that was removed since it was listed is not missed, and one that cannot be read is noted.
std::vector<SpecPtr> all_specs(const Session& session) {
  std::vector<SpecPtr> specs;
  for (const auto& id : session.registry.list_models()) {
    try {
      if (auto spec = session.registry.get_spec(id)) specs.push_back(std::move(spec));
    } catch (const Error& error) { note(error.what()); }
  }
  return specs;
}

std::vector<SpecPtr> named_specs(const Session& session, const std::vector<std::string>& ids) {
  std::vector<SpecPtr> specs;
  for (const auto& id : ids) specs.push_back(require_spec(session, id));
  return specs;
}

void run(const Session& session, const Options& options) {
  const auto& [ids, all, html] = options;
  const auto specs = all ? all_specs(session) : named_specs(session, ids);
  if (specs.size() < 2)
    throw Error(Errc::kInvalidArgument, fmt::format("comparing takes two models or more, there {} {}",
                                                    specs.size() == 1 ? "is" : "are", specs.size()));
  if (html && specs.size() != 2)
    throw Error(Errc::kInvalidArgument, fmt::format("--html draws two models, there are {}", specs.size()));
  if (html) write_output(*html, {comparison_page(*specs[0], *specs[1])});
  if (html && !session.json) return print(fmt::format("wrote {}", html->string()));
  std::vector<Comparison> comparisons;
  for (std::size_t i = 0; i < specs.size(); ++i)
    for (auto j = i + 1; j < specs.size(); ++j) comparisons.push_back(compare(*specs[i], *specs[j]));
  if (session.json)
    return print_json(comparisons.size() == 1 ? json_text(comparisons.front()) : json_text(comparisons));
  if (comparisons.size() == 1) print_two(comparisons.front(), *specs[0], *specs[1]);
  else print_matrix(comparisons);
}

}  // namespace

void add_compare(Commands& commands) {
  const auto options = std::make_shared<Options>();
  auto& added = commands.add({"compare", "Say which parts of models could be swapped, how far, and why not further",
                              [options](Session& session) { run(session, *options); }});
  added.add_option("ID", options->ids, "Two registered models; of more, a matrix of levels");
  added.add_flag("--all", options->all, "Compare all registered models");
  added.add_option("--html", options->html, "Of two models: write a page with their picture to this file");
}

}  // namespace garage::cli

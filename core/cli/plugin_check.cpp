#include <algorithm>

#include <fmt/format.h>

#include <garage/conformance.hpp>
#include <garage/error.hpp>
#include <garage/nearest.hpp>
#include <garage/path_text.hpp>

#include "commands.hpp"
#include "nn_checks.hpp"
#include "output.hpp"

namespace garage::cli {
namespace {

struct Options {
  CheckedPlugin plugin;
  std::optional<std::string> only;
  bool list = false;
};

std::vector<conformance::CheckInfo> all_checks() {
  auto all = conformance::list_checks();
  for (auto& check : list_nn_checks()) all.push_back(std::move(check));
  return all;
}

void list_checks(const Session& session) {
  const auto checks = all_checks();
  if (session.json) return print_json(json_text(checks));
  Table table({"CHECK", "DEMANDS"});
  for (const auto& check : checks) table.add({check.id, check.what});
  print(table);
}

struct Results {
  std::vector<conformance::Result> checks;
  std::vector<nn::ReferenceComparison> comparisons;  // one a reference
};

Results results_of(const Options& options) {
  const auto nn = list_nn_checks();
  const auto is_chosen = [&](const auto& check) { return !options.only || *options.only == check.id; };
  const bool of_nn_alone = options.only && std::any_of(nn.begin(), nn.end(), is_chosen);
  Results results;
  const auto& plugin = options.plugin;
  if (!of_nn_alone) results.checks = conformance::check_plugin(plugin.file, plugin.models, options.only);
  const bool is_opened = std::none_of(results.checks.begin(), results.checks.end(), [](const auto& check) {
    return check.status == conformance::Status::timed_out || check.id == "fits-the-abi" && !check.is_fine();
  });
  for (const auto& check : nn) {
    if (!is_chosen(check)) continue;
    auto result = is_opened ? run_nn_check(check.id, plugin)
                            : NnResult{{check.id, conformance::Status::skipped, "the plugin does not get so far"}, {}};
    results.checks.push_back(std::move(result.result));
    for (auto& comparison : result.comparisons) results.comparisons.push_back(std::move(comparison));
  }
  return results;
}

void print_results(const Options& options, const Results& results) {
  Table table({"CHECK", "RESULT", "WHY"});
  for (const auto& check : results.checks)
    table.add({check.id, boost::describe::enum_to_string(check.status, ""), check.reason});
  print(table);
  for (std::size_t i = 0; i < results.comparisons.size(); ++i) {
    print("");
    Table parts({"PART", "OFF BY", fmt::format("OF {}", path_text(options.plugin.references[i]))});
    for (const auto& part : results.comparisons[i].parts)
      parts.add({part.part, part.fault.empty() ? fmt::format("{:.1e}", part.difference) : "-",
                 !part.fault.empty() ? part.fault : part.is_within(options.plugin.tolerance) ? "" : "too far"});
    print(parts);
    for (const auto& what : results.comparisons[i].passed_over) print(fmt::format("not compared: {}", what));
  }
}

// The list of results; that of the references has what was compared, too.
void print_json_results(const Results& results) {
  JsonWriter out(1);
  out.begin_array();
  for (const auto& check : results.checks) {
    out.begin_object();
    write_members(out, check);
    if (check.id == "matches-its-reference" && !results.comparisons.empty())
      write_member(out, "comparisons", results.comparisons);
    out.end_object();
  }
  out.end_array();
  print_json(out.take());
}

// As the kit does, for the checks beside it.
void require_subject(const Options& options) {
  if (!std::filesystem::exists(options.plugin.file))
    throw Error(Errc::kNotFound, fmt::format("{}: cannot be opened: no such file", path_text(options.plugin.file)));
  std::vector<std::string> ids;
  for (const auto& check : all_checks()) ids.push_back(check.id);
  if (options.only && std::find(ids.begin(), ids.end(), *options.only) == ids.end())
    throw Error(Errc::kNotFound, fmt::format("'{}' is no check{}", *options.only, did_you_mean(*options.only, ids)));
}

void require_pairs(const CheckedPlugin& plugin) {
  if (plugin.references.size() <= plugin.models.size()) return;
  throw Error(Errc::kInvalidArgument,
              fmt::format("{} --reference and {} --model: say the model that each is of, in the same order",
                          plugin.references.size(), plugin.models.size()));
}

void run(const Session& session, const Options& options) {
  if (options.list) return list_checks(session);
  if (options.plugin.file.empty())
    throw Error(Errc::kInvalidArgument, "FILE is required. See `garage plugin check --help`");
  require_subject(options);
  require_pairs(options.plugin);
  const auto results = results_of(options);
  if (session.json) print_json_results(results);
  else print_results(options, results);
  const auto bad = std::count_if(results.checks.begin(), results.checks.end(),
                                 [](const auto& check) { return !check.is_fine(); });
  if (bad > 0)
    throw Error(Errc::kIncompatible, fmt::format("{}: {} of {} checks did not pass", options.plugin.file.string(), bad,
                                                 results.checks.size()));
}

}  // namespace

void add_plugin_check(Commands& plugin) {
  const auto options = std::make_shared<Options>();
  auto& check = plugin.add({"check", "Run the conformance checks on a plugin file",
                            [options](Session& session) { run(session, *options); }});
  check.add_option("FILE", options->plugin.file, "The plugin: libgarage-<name>.so");
  check.add_option("--model", options->plugin.models, "A checkpoint of the plugin's own family; may be given again")
      ->allow_extra_args(false);
  check
      .add_option("--reference", options->plugin.references,
                  "safetensors with what transformers computed of the model: input_ids, logits, <part>.in, <part>.out; "
                  "may be given again, for the next model")
      ->allow_extra_args(false);
  check.add_option("--tolerance", options->plugin.tolerance, "How far parts may be off, of the largest value (1e-5)")
      ->check(CLI::PositiveNumber);
  check.add_option("--only", options->only, "Run one check alone");
  check.add_flag("--list", options->list, "Say what the checks are");
}

}  // namespace garage::cli

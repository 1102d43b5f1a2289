#include "usage.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <garage/nearest.hpp>

namespace garage::cli {
namespace {

// The commands that the words led to, outermost first: garage, plugin, check.
std::vector<const CLI::App*> reached(const CLI::App& app) {
  std::vector<const CLI::App*> chain{&app};
  for (auto used = app.get_subcommands(); !used.empty(); used = chain.back()->get_subcommands())
    chain.push_back(used.front());
  return chain;
}

std::string name_of(const std::vector<const CLI::App*>& chain) {
  std::string name;
  for (const auto* command : chain) name += (name.empty() ? "" : " ") + command->get_name();
  return name;
}

const CLI::Option* option_of(const std::vector<const CLI::App*>& chain, const std::string& word) {
  for (const auto* command : chain)
    if (const auto* option = command->get_option_no_throw(word)) return option;
  return nullptr;
}

// The first option that nobody knows; empty when there is none.
std::string unknown_option(const std::vector<const CLI::App*>& chain, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    const auto name = word.substr(0, word.find('='));
    if (name == "--") return {};
    if (name.starts_with("--") && !option_of(chain, name)) return name;
  }
  return {};
}

std::vector<std::string> option_names(const std::vector<const CLI::App*>& chain) {
  std::vector<std::string> names;
  for (const auto* command : chain)
    for (const auto* option : command->get_options())
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// The first word after the last command that is no option's value: CLI11 does not tell.
std::string next_word(const std::vector<const CLI::App*>& chain, const std::vector<std::string>& words) {
  auto at = words.begin();
  for (std::size_t i = 1; i < chain.size(); ++i) at = std::find(at, words.end(), chain[i]->get_name()) + 1;
  for (; at < words.end(); ++at) {
    if (!at->starts_with('-')) return *at;
    const auto* option = option_of(chain, *at);
    if (option && option->get_expected_min() > 0) ++at;
  }
  return {};
}

std::string with_help(const std::string& fault, const std::string& name) {
  return fmt::format("{}{} See `{} --help`", fault, fault.ends_with('?') ? "" : ".", name);
}

}  // namespace

std::string usage_fault(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& words) {
  const auto chain = reached(app);
  const auto name = name_of(chain);
  if (const auto option = unknown_option(chain, words); !option.empty())
    return with_help(
        fmt::format("'{}' is no option of `{}`{}", option, name, did_you_mean(option, option_names(chain))), name);
  std::vector<std::string> commands;
  for (const auto* sub : chain.back()->get_subcommands(nullptr)) commands.push_back(sub->get_name());
  const auto word = next_word(chain, words);
  if (commands.empty() || word.empty()) return with_help(error.what(), name);
  return with_help(fmt::format("'{}' is no command{}", word, did_you_mean(word, commands)), name);
}

}  // namespace garage::cli

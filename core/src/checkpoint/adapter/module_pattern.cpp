#include "module_pattern.hpp"

#include <cstddef>

namespace garage {
namespace {

bool is_special(char c) { return std::string_view("()[]{}|?*+\\^$.").find(c) != std::string_view::npos; }
bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

bool ModulePattern::Step::takes(char c) const noexcept {
  if (kind == Kind::kAny) return c != '\n';
  if (kind == Kind::kDigit) return c >= '0' && c <= '9';
  return c == character;
}

std::optional<ModulePattern> ModulePattern::from(std::string_view key) {
  ModulePattern pattern;
  if (key.starts_with('^')) {
    pattern.from_beginning_ = true;
    key.remove_prefix(1);
  }
  if (key.ends_with('$') && !key.ends_with("\\$")) key.remove_suffix(1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    Step step{Kind::kCharacter, key[i], Times::kOnce};
    if (key[i] == '.') {
      step.kind = Kind::kAny;
    } else if (key[i] == '\\') {
      if (++i == key.size() || (is_word(key[i]) && key[i] != 'd')) return std::nullopt;
      step = {key[i] == 'd' ? Kind::kDigit : Kind::kCharacter, key[i], Times::kOnce};
    } else if (is_special(key[i])) {
      return std::nullopt;
    }
    const char next = i + 1 < key.size() ? key[i + 1] : '\0';
    if (next == '+') pattern.steps_.push_back(step);
    if (next == '+' || next == '*') step.times = Times::kMany;
    if (next == '?') step.times = Times::kPerhaps;
    if (step.times != Times::kOnce) {
      pattern.is_fixed_ = false;
      ++i;
    }
    pattern.steps_.push_back(step);
  }
  return pattern;
}

bool ModulePattern::matches(std::string_view module) const {
  return is_fixed_ ? matches_end(module) : matches_steps(module);
}

bool ModulePattern::matches_end(std::string_view module) const {
  if (module.size() < steps_.size()) return false;
  const auto begin = module.size() - steps_.size();
  if (begin > 0 && (from_beginning_ || module[begin - 1] != '.')) return false;
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (!steps_[i].takes(module[begin + i])) return false;
  return true;
}

// All ways at once: reached[i] where the steps before i have taken what was read since some beginning.
bool ModulePattern::matches_steps(std::string_view module) const {
  const auto count = steps_.size();
  std::vector<bool> reached(count + 1), next(count + 1);
  const auto spread = [&](std::vector<bool>& states) {
    for (std::size_t i = 0; i < count; ++i)
      if (states[i] && steps_[i].times != Times::kOnce) states[i + 1] = true;
  };
  reached[0] = true;
  spread(reached);
  for (const char c : module) {
    next.assign(count + 1, false);
    for (std::size_t i = 0; i < count; ++i)
      if (reached[i] && steps_[i].takes(c)) next[steps_[i].times == Times::kMany ? i : i + 1] = true;
    if (c == '.' && !from_beginning_) next[0] = true;
    spread(next);
    reached.swap(next);
  }
  return reached[count];
}

std::optional<double> ModulePatterns::value_of(std::string_view module) const {
  for (const auto& [pattern, value] : values_)
    if (pattern.matches(module)) return value;
  return std::nullopt;
}

}  // namespace garage

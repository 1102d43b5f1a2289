// ModulePattern: which modules a key of an adapter's rank_pattern or alpha_pattern means. PEFT takes the key as a
// regular expression for the end of a module's name, from its beginning or a dot on (peft/utils/other.py,
// get_pattern_key): "q_proj", "layers.1.mlp.down_proj", "^model.layers.0.self_attn.q_proj".
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace garage {

class ModulePattern {
 public:
  // Of regular expressions it reads characters, '.', '\d', a character with a backslash, each perhaps with '*', '+' or
  // '?'; a '^' in front, a '$' behind. Nothing where there is more in one: a group, a class, a count.
  static std::optional<ModulePattern> from(std::string_view key);

  bool matches(std::string_view module) const;

 private:
  enum class Kind { kCharacter, kAny, kDigit };
  enum class Times { kOnce, kPerhaps, kMany };  // kMany: or never
  struct Step {
    Kind kind = Kind::kCharacter;
    char character = 0;
    Times times = Times::kOnce;

    bool takes(char c) const noexcept;
  };

  bool matches_end(std::string_view module) const;
  bool matches_steps(std::string_view module) const;

  std::vector<Step> steps_;
  bool from_beginning_ = false;
  bool is_fixed_ = true;  // all steps are once
};

// The keys of one pattern, in the file's order: the first that matches counts.
class ModulePatterns {
 public:
  void add(ModulePattern pattern, double value) { values_.emplace_back(std::move(pattern), value); }
  std::optional<double> value_of(std::string_view module) const;
  std::size_t size() const noexcept { return values_.size(); }

 private:
  std::vector<std::pair<ModulePattern, double>> values_;
};

}  // namespace garage

#include "lora_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../../json/python_json.hpp"
#include "../stand_in.hpp"

namespace garage {
namespace {

namespace json = boost::json;

// Keys that make of an adapter something else than numbers to add, where they are set.
constexpr std::pair<const char*, const char*> kForeign[] = {
    {"layer_replication", "its layers stand several times in the model"},
    {"trainable_token_indices", "single rows of an embedding are its own"},
    {"target_parameters", "it is laid over single parameters, such as experts'"},
    {"alora_invocation_tokens", "it works from certain tokens on"},
    {"use_qalora", "its input is pooled"},
    {"use_bdlora", "its factors are block-diagonal"},
    {"arrow_config", "it chooses among adapters for each token"},
    {"kasa_config", "it needs the singular values of the model's weights"},
    {"monteclora_config", "its factors are drawn from distributions"},
    {"velora_config", "it is of a kind that is not known here"}};

// Ways to begin (init_lora_weights) that leave the model's own weights as they were. Others (pissa, olora, corda,
// loftq, lora_ga) take out of them what the adapter begins with.
constexpr std::array<std::string_view, 3> kPlainBeginnings = {"gaussian", "eva", "orthogonal"};

constexpr std::int64_t kMaxRank = 1'000'000;

class Reader {
 public:
  Reader(const json::object& object, const std::string& subject) : object_(object), subject_(subject) {}

  LoraConfig read() const {
    require_lora();
    for (const auto& [key, why] : kForeign)
      if (is_set(key))
        throw Error(Errc::kUnsupported, fmt::format("{}: has '{}' ({}), which is not read", subject_, key, why));
    require_plain_beginning();
    LoraConfig config;
    config.base = text("base_model_name_or_path").value_or("");
    config.rank = whole("r", find("r")).value_or(config.rank);
    config.alpha = number("lora_alpha", find("lora_alpha")).value_or(config.alpha);
    config.ranks = patterns("rank_pattern", true);
    config.alphas = patterns("alpha_pattern", false);
    config.is_rank_stabilised = flag("use_rslora");
    config.is_dora = flag("use_dora");
    config.keeps_ties = flag("ensure_weight_tying");
    config.is_fan_in_fan_out = flag("fan_in_fan_out");
    config.targets = texts("target_modules", true);
    config.saved = texts("modules_to_save", false);
    return config;
  }

 private:
  [[noreturn]] void fail(std::string_view key, std::string_view fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: its '{}' {}", subject_, key, fault));
  }
  [[noreturn]] void fail_kind(std::string_view key, const json::value& value, std::string_view wanted) const {
    fail(key, fmt::format("is {}, should be {}", kind_name(value), wanted));
  }

  // Null where it is null, too.
  const json::value* find(std::string_view key) const {
    const auto* value = object_.if_contains(json::string_view(key.data(), key.size()));
    return value && !value->is_null() ? value : nullptr;
  }

  // As Python takes a value for true.
  bool is_set(std::string_view key) const {
    const auto* value = find(key);
    if (!value) return false;
    if (value->is_bool()) return value->get_bool();
    if (value->is_array()) return !value->get_array().empty();
    if (value->is_object()) return !value->get_object().empty();
    if (value->is_string()) return !value->get_string().empty();
    return value->to_number<double>() != 0;
  }

  bool flag(std::string_view key) const {
    const auto* value = find(key);
    if (value && !value->is_bool()) fail_kind(key, *value, "true or false");
    return value && value->get_bool();
  }

  std::optional<std::string> text(std::string_view key) const {
    const auto* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_string()) fail_kind(key, *value, "a string");
    return std::string(value->get_string());
  }

  std::vector<std::string> texts(std::string_view key, bool may_be_text) const {
    std::vector<std::string> result;
    const auto* value = find(key);
    if (!value || (may_be_text && value->is_string())) return result;
    if (!value->is_array()) fail_kind(key, *value, "a list of strings");
    for (const auto& item : value->get_array()) {
      if (!item.is_string()) fail(key, fmt::format("has {} in it, should have strings alone", kind_name(item)));
      result.emplace_back(item.get_string());
    }
    return result;
  }

  std::optional<double> number(std::string_view key, const json::value* value) const {
    if (!value) return std::nullopt;
    if (!value->is_number()) fail_kind(key, *value, "a number");
    const auto result = value->to_number<double>();
    if (!std::isfinite(result)) fail(key, fmt::format("is {}", result));
    return result;
  }

  std::optional<std::int64_t> whole(std::string_view key, const json::value* value) const {
    if (!value) return std::nullopt;
    const auto* result = value->if_int64();
    if (!result) fail_kind(key, *value, "a whole number");
    if (*result < 1 || *result > kMaxRank) fail(key, fmt::format("is {}, should be from 1 to {}", *result, kMaxRank));
    return *result;
  }

  ModulePatterns patterns(std::string_view key, bool are_ranks) const {
    ModulePatterns result;
    const auto* value = find(key);
    if (!value) return result;
    if (!value->is_object()) fail_kind(key, *value, "an object");
    for (const auto& [module, one] : value->get_object()) {
      const std::string_view name(module.data(), module.size());
      if (one.is_null()) fail(key, fmt::format("has null for '{}', should have a number", name));
      auto pattern = ModulePattern::from(name);
      if (!pattern)
        throw Error(Errc::kUnsupported,
                    fmt::format("{}: its '{}' has the regular expression '{}', which is not read: write the modules' "
                                "names instead",
                                subject_, key, name));
      result.add(std::move(*pattern), are_ranks ? static_cast<double>(*whole(key, &one)) : *number(key, &one));
    }
    return result;
  }

  void require_lora() const {
    const auto type = text("peft_type");
    if (!type) fail("peft_type", "is not there: it is no adapter of PEFT's");
    if (*type != "LORA")
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: is of the type '{}', and of PEFT's adapters LORA alone is read: merge it into its "
                              "model with PEFT (merge_and_unload)",
                              subject_, *type));
  }

  void require_plain_beginning() const {
    const auto* value = find("init_lora_weights");
    if (!value || value->is_bool()) return;
    if (!value->is_string()) fail_kind("init_lora_weights", *value, "true, false or a string");
    const std::string_view way(value->get_string().data(), value->get_string().size());
    if (std::find(kPlainBeginnings.begin(), kPlainBeginnings.end(), way) != kPlainBeginnings.end()) return;
    throw Error(Errc::kUnsupported,
                fmt::format("{}: its 'init_lora_weights' is '{}': it belongs to weights from which that was taken "
                            "out, and not to the model's own; save it with path_initial_model_for_weight_conversion",
                            subject_, way));
  }

  const json::object& object_;
  const std::string& subject_;
};

}  // namespace

std::int64_t LoraConfig::rank_of(std::string_view module) const {
  const auto own = ranks.value_of(module);
  return own ? static_cast<std::int64_t>(*own) : rank;
}

double LoraConfig::scale_of(std::string_view module) const {
  const auto own_rank = static_cast<double>(rank_of(module));
  return alphas.value_of(module).value_or(alpha) / (is_rank_stabilised ? std::sqrt(own_rank) : own_rank);
}

LoraConfig read_lora_config(std::string_view text, const std::string& subject) {
  refuse_stand_in(text, subject);
  const auto value = parse_python_json(text, subject);
  if (const auto word = special_float_in(value); word || !value.is_object())
    throw Error(Errc::kCorrupt, fmt::format("{}: is no JSON object but {}", subject, word ? *word : kind_name(value)));
  return Reader(value.get_object(), subject).read();
}

}  // namespace garage

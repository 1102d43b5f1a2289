// llama.cpp keeps a rope's scaling in two places: metadata (gguf.constants.Keys.Rope), and tensors of numbers by which
// each frequency is divided: rope_freqs (Llama 3.1), rope_factors_long and rope_factors_short (Phi-3). Dividing is what
// transformers' _compute_longrope_parameters does with short_factor and long_factor.
#include "gguf_rope.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/model.hpp>

#include "../../bytes/read_file.hpp"
#include "../../encoding/numbers.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMostFactors = 4096;  // half a head's dimensions; real ones have 64 or so

std::string key(const GgufModel& model, std::string_view name) {
  return fmt::format("{}.rope.{}", model.architecture(), name);
}

[[noreturn]] void refuse(const GgufModel& model, const std::string& fault) {
  throw Error(Errc::kUnsupported, fmt::format("{}: {}", model.path().string(), fault));
}

// Nothing where the file has no such tensor. They are a table, not a weight: the config has them.
std::optional<boost::json::array> factors(const GgufModel& model, std::string_view name) {
  const auto found = model.find_tensor(name);
  if (!found) return std::nullopt;
  const auto& tensor = *found->tensor;
  const bool is_list = tensor.type->plain == DType::kF32 && tensor.shape.size() == 1 && tensor.shape[0] <= kMostFactors;
  if (!is_list)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: tensor '{}' is {} {}, should be a list of at most {} F32", found->part->path.string(),
                            name, tensor.type->name, shape_text(tensor.shape), kMostFactors));
  const auto bytes = ReadFile(found->part->path).read(tensor.offset, tensor.size);
  boost::json::array numbers;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    const auto* here = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
    const auto number = model.big_endian() ? load_swapped<float>(here) : load<float>(here);
    if (!std::isfinite(number) || number <= 0)
      throw Error(Errc::kCorrupt, fmt::format("{}: tensor '{}' holds {}, should hold numbers above 0",
                                              model.path().string(), name, number));
    numbers.push_back(static_cast<double>(number));
  }
  return numbers;
}

double required(const GgufModel& model, const std::string& key) {
  const auto number = model.number(key);
  if (!number || *number <= 0)
    throw Error(Errc::kCorrupt, fmt::format("{}: '{}' should be a number above 0", model.path().string(), key));
  return *number;
}

// Divided by the same numbers, however long a sequence is.
boost::json::value by_factors(const boost::json::array& numbers) {
  return boost::json::object{
      {"rope_type", "longrope"}, {"short_factor", numbers}, {"long_factor", numbers}, {"attention_factor", 1.0}};
}

boost::json::value longrope(const GgufModel& model) {
  const auto longer = factors(model, "rope_factors_long.weight"), shorter = factors(model, "rope_factors_short.weight");
  if (!longer || !shorter)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: its rope is longrope, and it has no tensors 'rope_factors_long.weight' "
                            "and 'rope_factors_short.weight'",
                            model.path().string()));
  boost::json::object scaling{{"rope_type", "longrope"}, {"short_factor", *shorter}, {"long_factor", *longer}};
  if (const auto factor = model.number(key(model, "scaling.attn_factor"))) scaling["attention_factor"] = *factor;
  if (const auto original = model.number(key(model, "scaling.original_context_length")))
    scaling["original_max_position_embeddings"] = static_cast<std::int64_t>(*original);
  return scaling;
}

// arXiv:2309.00071; llama.cpp's ggml_rope_yarn_corr_dims takes floor and ceil, as transformers' truncate does.
boost::json::value yarn(const GgufModel& model) {
  boost::json::object scaling{{"rope_type", "yarn"}, {"factor", required(model, key(model, "scaling.factor"))}};
  scaling["original_max_position_embeddings"] =
      static_cast<std::int64_t>(required(model, key(model, "scaling.original_context_length")));
  if (const auto fast = model.number(key(model, "scaling.yarn_beta_fast"))) scaling["beta_fast"] = *fast;
  if (const auto slow = model.number(key(model, "scaling.yarn_beta_slow"))) scaling["beta_slow"] = *slow;
  return scaling;
}

// Of other kinds than longrope these would change what is computed, if they were not what they are by default.
void require_plain(const GgufModel& model) {
  const std::pair<const char*, double> kDefaults[] = {
      {"scaling.attn_factor", 1}, {"scaling.yarn_attn_factor", 1}, {"scaling.yarn_ext_factor", 1}};
  for (const auto& [name, usual] : kDefaults)
    if (const auto number = model.number(key(model, name)); number && *number != usual && *number != -1)
      refuse(model, fmt::format("'{}' is {}, and nothing but {} is handled", key(model, name), *number, usual));
}

}  // namespace

const std::vector<std::string>& rope_scaling_keys() {
  static const std::vector<std::string> keys = {"rope.scaling.type",
                                                "rope.scaling.factor",
                                                "rope.scaling.original_context_length",
                                                "rope.scaling.attn_factor",
                                                "rope.scaling.finetuned",
                                                "rope.scaling.yarn_ext_factor",
                                                "rope.scaling.yarn_attn_factor",
                                                "rope.scaling.yarn_beta_fast",
                                                "rope.scaling.yarn_beta_slow",
                                                "rope.scale_linear"};
  return keys;
}

boost::json::value gguf_rope_scaling(const GgufModel& model) {
  const auto said = model.text(key(model, "scaling.type"));
  const auto freqs = factors(model, "rope_freqs.weight");
  const bool has_long = model.find_tensor("rope_factors_long.weight").has_value();
  const auto type = said                                                    ? *said
                    : has_long                                              ? "longrope"
                    : model.metadata().contains(key(model, "scale_linear")) ? "linear"
                                                                            : "none";
  if (freqs && type != "none")
    refuse(model, fmt::format("has 'rope_freqs.weight' and a rope of kind '{}': both at once are not handled", type));
  if (has_long != (type == "longrope"))
    refuse(model, fmt::format("its rope is of kind '{}', and it has {}tensor 'rope_factors_long.weight'", type,
                              has_long ? "" : "no "));
  if (type == "longrope") return longrope(model);
  require_plain(model);
  if (freqs) return by_factors(*freqs);
  if (type == "none") return nullptr;
  if (type == "linear") {
    const auto scale = key(model, "scaling.factor"), older = key(model, "scale_linear");
    const auto factor = required(model, model.metadata().contains(older) ? older : scale);
    if (factor == 1) return nullptr;
    return boost::json::object{{"rope_type", "linear"}, {"factor", factor}};
  }
  if (type == "yarn") return yarn(model);
  refuse(model, fmt::format("'{}' is '{}', and none, linear, yarn and longrope are what is known",
                            key(model, "scaling.type"), type));
}

}  // namespace garage

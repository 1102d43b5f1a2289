// compressed_tensors 0.17: quantization/quant_args.py (QuantizationArgs), quant_scheme.py, quant_config.py.
#include "scheme.hpp"

#include <optional>

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "settings.hpp"

namespace garage {
namespace {

void read_block(const Settings& weights, Scheme& scheme) {
  const auto block = weights.two_counts("block_structure");
  if (!block) weights.corrupt("has no 'block_structure', which strategy 'block' needs");
  scheme.block_rows = (*block)[0];
  scheme.block_columns = (*block)[1];
}

void read_group_size(const Settings& weights, Scheme& scheme) {
  const auto size = weights.count("group_size");
  if (!size) weights.corrupt("has no 'group_size', which strategy 'group' needs");
  scheme.group_size = *size;
}

// What is said by its absence too: QuantizationArgs, validate_model_after.
std::string strategy_of(const Settings& weights) {
  if (const auto strategy = weights.text("strategy")) return *strategy;
  const auto group_size = weights.integer("group_size");
  return !group_size ? "tensor" : *group_size == -1 ? "channel" : "group";
}

Scheme scheme_in(const Settings& weights, const std::string& group) {
  Scheme scheme{.group = group};
  const auto bits = weights.integer("num_bits").value_or(8);
  const auto type = weights.text("type").value_or("int");
  scheme.is_float = type == "float";
  if (!scheme.is_float && type != "int")
    weights.unsupported(fmt::format("'type' is '{}', and int and float are read", type));
  if (bits < 1 || bits > 8 || (scheme.is_float && bits != 4 && bits != 8))
    weights.unsupported(fmt::format("'num_bits' is {}, and of type '{}' {} are read", bits, type,
                                    scheme.is_float ? "4 and 8" : "1 to 8"));
  scheme.bits = static_cast<int>(bits);
  scheme.has_zeros = weights.find("symmetric") && !weights.flag("symmetric");
  const auto strategy = strategy_of(weights);
  if (strategy == "channel") {
    scheme.strategy = Scheme::Strategy::kChannel;
  } else if (strategy == "group" || strategy == "tensor_group") {
    scheme.strategy = Scheme::Strategy::kGroup;
    read_group_size(weights, scheme);
  } else if (strategy == "block") {
    scheme.strategy = Scheme::Strategy::kBlock;
    read_block(weights, scheme);
  } else if (strategy != "tensor") {
    weights.unsupported(fmt::format("'strategy' is '{}', which is not read of weights", strategy));
  }
  return scheme;
}

}  // namespace

std::string Scheme::text() const {
  const auto numbers = fmt::format("{}: {}{}", group, is_float ? "float" : "int", bits);
  switch (strategy) {
    case Strategy::kTensor: return numbers + ", tensor";
    case Strategy::kChannel: return numbers + ", channel";
    case Strategy::kGroup: return fmt::format("{}, group of {}", numbers, group_size);
    case Strategy::kBlock: return fmt::format("{}, block of {} by {}", numbers, block_rows, block_columns);
  }
  return numbers;
}

std::vector<Scheme> schemes_of(const Settings& settings) {
  std::vector<Scheme> schemes;
  const auto groups = settings.object("config_groups");
  if (!groups) return schemes;
  for (const auto& [key, value] : groups->all()) {
    const std::string name(key);
    if (value.is_array())
      groups->unsupported(
          fmt::format("'{}' is the name of a preset, and groups that say their numbers are read", name));
    const auto group = groups->object(name);
    const auto weights = group ? group->object("weights") : std::nullopt;
    if (weights) schemes.push_back(scheme_in(*weights, name));
  }
  return schemes;
}

}  // namespace garage

// bitsandbytes: functional.py, QuantState.as_dict; utils.py, pack_dict_to_tensor:
//
//   {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [4096, 4096]}
//   and of scales that are quantised too "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.0123
#include "quant_state.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "settings.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMaxNumbers = std::int64_t{1} << 62;

std::vector<std::int64_t> shape_in(const Settings& state) {
  const auto* value = state.find("shape");
  const auto* list = value ? value->if_array() : nullptr;
  if (!list || list->empty()) state.corrupt("has no list 'shape'");
  std::vector<std::int64_t> shape;
  std::int64_t numbers = 1;
  for (const auto& length : *list) {
    const auto* number = length.if_int64();
    if (!number || *number < 1 || *number > kMaxNumbers / numbers)
      state.corrupt("'shape' is no list of numbers above 0 whose product can be counted");
    numbers *= *number;
    shape.push_back(*number);
  }
  return shape;
}

std::int64_t block_in(const Settings& state, std::string_view key) {
  const auto size = state.count(key);
  if (!size) state.corrupt(fmt::format("has no '{}'", key));
  return *size;
}

// torch.tensor(float(...)) is float32.
float offset_in(const Settings& state) {
  const auto* value = state.find("nested_offset");
  if (!value || !value->is_number()) state.corrupt("'nested_offset' is no number");
  return static_cast<float>(value->to_number<double>());
}

}  // namespace

QuantState read_quant_state(std::string_view text, const std::string& subject) {
  const auto value = parse_json(text, subject);
  if (!value.is_object())
    throw Error(Errc::kCorrupt, fmt::format("{}: is no JSON object but {}", subject, kind_name(value)));
  const Settings settings(value.get_object(), subject);
  QuantState state{shape_in(settings), settings.text("quant_type").value_or(""), {block_in(settings, "blocksize"), {}}};
  if (settings.find("nested_blocksize"))
    state.layout.nested = {block_in(settings, "nested_blocksize"), offset_in(settings)};
  return state;
}

}  // namespace garage

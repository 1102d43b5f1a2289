#include "model_input.hpp"

#include <array>
#include <charconv>
#include <limits>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace garage::fuzz {
namespace {

std::string_view take(std::string_view& text, char end) {
  const auto found = text.substr(0, text.find(end));
  text.remove_prefix(std::min(found.size() + 1, text.size()));
  return found;
}

std::size_t below(std::size_t count, std::minstd_rand& random) { return random() % std::max<std::size_t>(count, 1); }

std::int64_t odd_number(std::minstd_rand& random) {
  static constexpr std::array<std::int64_t, 16> kOdd = {
      0, 1, -1, 2, 3, 7, 64, 255, 4096, 1 << 20, (std::int64_t{1} << 31) - 1, std::int64_t{1} << 31, std::int64_t{1} << 32,
      std::int64_t{1} << 62, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  return kOdd[below(kOdd.size(), random)];
}

boost::json::value odd_value(std::minstd_rand& random) {
  switch (below(10, random)) {
    case 0: return nullptr;
    case 1: return true;
    case 2: return "silu";
    case 3: return 1e308;
    case 4: return 0.5;
    case 5: return boost::json::array{odd_number(random), "full_attention"};
    case 6: return boost::json::object{{"rope_type", "yarn"}, {"factor", odd_number(random)}};
    default: return odd_number(random);
  }
}

void mutate_value(boost::json::value& value, std::minstd_rand& random);

void mutate_object(boost::json::object& object, std::minstd_rand& random) {
  if (object.empty()) return;
  const auto at = object.begin() + static_cast<std::ptrdiff_t>(below(object.size(), random));
  const auto key = std::string(at->key());
  switch (below(5, random)) {
    case 0: object.erase(key); return;
    case 1: {
      auto value = object.at(key);
      object.erase(key);
      object[key + "_"] = std::move(value);
      return;
    }
    default: mutate_value(at->value(), random);
  }
}

void mutate_value(boost::json::value& value, std::minstd_rand& random) {
  const auto way = below(4, random);
  if (value.is_object() && way > 0) return mutate_object(value.get_object(), random);
  if (value.is_array() && !value.get_array().empty() && way > 0) {
    auto& array = value.get_array();
    if (way == 1) array.pop_back();
    else mutate_value(array[below(array.size(), random)], random);
  } else if (value.is_int64() && way > 1) {
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value.get_int64()) * (way == 2 ? 2 : 1) + (way == 3));
  } else {
    value = odd_value(random);
  }
}

void mutate_tensor(std::vector<TensorInfo>& tensors, std::minstd_rand& random) {
  if (tensors.empty()) return;
  const auto at = tensors.begin() + static_cast<std::ptrdiff_t>(below(tensors.size(), random));
  switch (below(7, random)) {
    case 0: tensors.erase(at); return;
    case 1: tensors.push_back(*at); tensors.back().name += ".bias"; return;
    case 2: at->name.insert(below(at->name.size(), random), 1, static_cast<char>('0' + below(10, random))); return;
    case 3: at->dtype = static_cast<DType>(below(kDTypeCount, random)); return;
    case 4: at->shape.push_back(odd_number(random) & std::numeric_limits<std::int64_t>::max()); return;
    case 5: if (!at->shape.empty()) at->shape.pop_back(); return;
    default:
      if (!at->shape.empty())
        at->shape[below(at->shape.size(), random)] = odd_number(random) & std::numeric_limits<std::int64_t>::max();
  }
}

}  // namespace

ModelInput parse_model(std::string_view input) {
  ModelInput model;
  boost::json::error_code code;
  const auto config = boost::json::parse(boost::json::string_view(take(input, '\n')), code);
  if (!code && config.is_object()) model.config = config.get_object();
  while (!input.empty() && model.tensors.size() < 2000) {
    auto line = take(input, '\n');
    TensorInfo tensor{std::string(take(line, '\t'))};
    const auto dtype = dtype_from(take(line, '\t'));
    if (!dtype) continue;
    tensor.dtype = *dtype;
    while (!line.empty() && tensor.shape.size() < 8) {
      const auto digits = take(line, ',');
      std::int64_t dim = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), dim);
      tensor.shape.push_back(dim);
    }
    model.tensors.push_back(std::move(tensor));
  }
  return model;
}

std::string write_model(const ModelInput& model) {
  auto text = std::string(boost::json::serialize(model.config)) + "\n";
  for (const auto& tensor : model.tensors) {
    text += tensor.name + "\t" + std::string(to_string(tensor.dtype)) + "\t";
    for (const auto dim : tensor.shape) text += std::to_string(dim) + ",";
    text += "\n";
  }
  return text;
}

void mutate(ModelInput& model, std::minstd_rand& random) {
  if (below(2, random)) mutate_object(model.config, random);
  else mutate_tensor(model.tensors, random);
}

}  // namespace garage::fuzz

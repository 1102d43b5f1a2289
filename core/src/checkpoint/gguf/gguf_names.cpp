#include "gguf_names.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/json.hpp>

#include "../../encoding/less_one.hpp"
#include "../../encoding/plain_numbers.hpp"
#include "../../encoding/row_swap.hpp"
#include "../../encoding/transposed.hpp"
#include "gguf_config.hpp"

namespace garage {
namespace {

namespace json = boost::json;

// "blk.3.ffn_gate.7.weight" as a table says it: "blk.{}.ffn_gate.{e}.weight", 3 and 7.
struct Numbered {
  std::string pattern;
  std::vector<std::string> numbers;
};

Numbered numbered(const std::string& name) {
  Numbered result;
  for (std::size_t from = 0; from <= name.size();) {
    const auto to = std::min(name.find('.', from), name.size());
    const auto piece = name.substr(from, to - from);
    const bool is_number = !piece.empty() && piece.find_first_not_of("0123456789") == piece.npos;
    if (from > 0) result.pattern += '.';
    if (is_number && result.numbers.size() < 2) {
      result.pattern += result.numbers.empty() ? "{}" : "{e}";
      result.numbers.push_back(piece);
    } else {
      result.pattern += piece;
    }
    from = to + 1;
  }
  return result;
}

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

class Names {
 public:
  Names(const GgufModel& model, const GgufModel::Part& part, const GgufTable& table)
      : model_(model), part_(part), table_(table) {}

  std::vector<Contents::Tensor> take() {
    for (const auto& tensor : part_.file.tensors) add(tensor);
    return std::move(result_);
  }

 private:
  void add(const GgufTensor& tensor) {
    const auto name = numbered(tensor.name);
    const auto* target = table_.object("tensors")->if_contains(name.pattern);
    if (!target)
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: tensor '{}' {} is none that {} knows: it may change what the model computes",
                              part_.path.string(), tensor.name, shape_text(tensor.shape), table_.path.string()));
    if (target->is_string()) return add(tensor, name, std::string(target->get_string()), {});
    if (!target->is_object()) table_.fail(fmt::format("'{}' is neither a name nor an object", name.pattern));
    const auto& how = target->get_object();
    require_known(name.pattern, how);
    if (how.contains("skip")) return;
    const auto* own = how.if_contains("name");
    if (!own || !own->is_string()) table_.fail(fmt::format("'{}' has no 'name'", name.pattern));
    add(tensor, name, std::string(own->get_string()), how);
  }

  void require_known(const std::string& pattern, const json::object& how) const {
    static const std::set<std::string_view> kKnown = {"name",       "halves", "thirds", "plus_one",
                                                      "transposed", "each",   "row",    "skip"};
    for (const auto& member : how)
      if (!kKnown.contains({member.key().data(), member.key().size()}))
        table_.fail(fmt::format("'{}' has '{}', which is unknown", pattern, std::string_view(member.key())));
  }

  void add(const GgufTensor& tensor, const Numbered& name, std::string own, const json::object& how) {
    if (!name.numbers.empty()) own = replaced(std::move(own), "{}", name.numbers[0]);
    if (name.numbers.size() > 1) own = replaced(std::move(own), "{e}", name.numbers[1]);
    if (!is_set(how, "each")) return keep(tensor, std::move(own), tensor.shape, tensor.offset, tensor.size, how);
    if (tensor.shape.size() < 2) misshapen(tensor, "one matrix an expert");
    const std::vector<std::int64_t> shape(tensor.shape.begin() + 1, tensor.shape.end());
    const auto each = tensor.size / static_cast<std::uint64_t>(tensor.shape.front());
    for (std::int64_t i = 0; i < tensor.shape.front(); ++i)
      keep(tensor, replaced(own, "{e}", std::to_string(i)), shape, tensor.offset + static_cast<std::uint64_t>(i) * each,
           each, how);
  }

  void keep(const GgufTensor& tensor, std::string name, std::vector<std::int64_t> shape, std::uint64_t offset,
            std::uint64_t size, const json::object& how) {
    const bool is_plain = garage::is_plain(*tensor.type, model_.big_endian());
    auto dtype = tensor.type->plain.value_or(DType::kF32);
    std::shared_ptr<const Encoding> encoding = is_plain ? nullptr : decoder(tensor);
    const auto inner = [&] { return encoding ? encoding : numbers_of(tensor); };
    if (is_set(how, "row")) shape.insert(shape.begin(), 1);
    if (is_set(how, "transposed")) {
      if (shape.size() < 2) misshapen(tensor, "a matrix");
      encoding = transposed(inner());
      std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    }
    if (how.contains("halves")) encoding = with_rows_swapped(inner(), halves(tensor, how));
    if (how.contains("thirds")) encoding = with_rows_swapped(inner(), thirds(tensor, how));
    if (is_set(how, "plus_one")) {
      encoding = less_one(inner());
      dtype = DType::kF32;
    }
    auto& added = result_.emplace_back();
    added.info = {std::move(name), dtype, std::move(shape), encoding ? encoding->name() : std::string_view()};
    added.stored.extents.push_back({0, offset, size});
    added.stored.encoding = std::move(encoding);
  }

  std::shared_ptr<const Encoding> decoder(const GgufTensor& tensor) const {
    if (auto encoding = ggml_encoding(*tensor.type, model_.big_endian())) return encoding;
    throw Error(Errc::kUnsupported,
                fmt::format("{}: tensor '{}' is {}, which is not decoded here: quantise the model in another way",
                            part_.path.string(), tensor.name, tensor.type->name));
  }

  std::shared_ptr<const Encoding> numbers_of(const GgufTensor& tensor) const {
    if (auto numbers = plain_numbers(*tensor.type->plain)) return numbers;
    throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, which is no weight's type", part_.path.string(),
                                                tensor.name, tensor.type->name));
  }

  // Pairs that a rope turns lie side by side in the file, and half a head apart in the family's.
  RowSwap halves(const GgufTensor& tensor, const json::object& how) const {
    const auto heads = heads_of(tensor, how, "halves", 2);
    return {heads, 2, tensor.shape.front() / heads / 2, 1};
  }

  // All heads' q lie before all k and all v in the file, and each head's q, k and v together in the family's.
  RowSwap thirds(const GgufTensor& tensor, const json::object& how) const {
    const auto heads = heads_of(tensor, how, "thirds", 3);
    return {1, heads, 3, tensor.shape.front() / heads / 3};
  }

  // So many, each of whose rows fall into so many parts.
  std::int64_t heads_of(const GgufTensor& tensor, const json::object& how, const char* way, std::int64_t parts) const {
    const auto& said = how.at(way);
    if (!said.is_string()) table_.fail(fmt::format("'{}' should say how many heads there are", way));
    const auto value = gguf_value(model_, table_, std::string(said.get_string()));
    const auto heads = value.is_number() ? value.to_number<std::int64_t>() : 0;
    const auto rows = tensor.shape.empty() ? 0 : tensor.shape.front();
    if (heads <= 0 || heads > rows / parts || rows % (parts * heads) != 0)
      misshapen(tensor, fmt::format("the rows of {} heads, each in {} parts", json::serialize(value), parts));
    return heads;
  }

  static bool is_set(const json::object& how, std::string_view key) {
    const auto* value = how.if_contains(json::string_view(key.data(), key.size()));
    return value && value->is_bool() && value->get_bool();
  }

  [[noreturn]] void misshapen(const GgufTensor& tensor, const std::string& wanted) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: tensor '{}' is {}, should be {}", part_.path.string(), tensor.name,
                                            shape_text(tensor.shape), wanted));
  }

  const GgufModel& model_;
  const GgufModel::Part& part_;
  const GgufTable& table_;
  std::vector<Contents::Tensor> result_;
};

}  // namespace

std::vector<Contents::Tensor> gguf_tensors(const GgufModel& model, const GgufModel::Part& part,
                                           const GgufTable& table) {
  return Names(model, part, table).take();
}

}  // namespace garage

#include "gguf_model.hpp"

#include <cmath>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../stand_in.hpp"
#include "split_name.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

[[noreturn]] void fail(const fs::path& path, const std::string& fault) {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", path.string(), fault));
}

double shortest(double number) {
  const auto narrow = static_cast<float>(number);
  if (!std::isfinite(number) || static_cast<double>(narrow) != number) return number;
  return std::strtod(fmt::format("{}", narrow).c_str(), nullptr);
}

struct ToJson {
  std::optional<json::value> operator()(std::uint64_t number) const {
    // A config's numbers are signed where they fit.
    if (number <= static_cast<std::uint64_t>(INT64_MAX)) return json::value(static_cast<std::int64_t>(number));
    return json::value(number);
  }
  std::optional<json::value> operator()(std::int64_t number) const { return json::value(number); }
  std::optional<json::value> operator()(double number) const { return json::value(shortest(number)); }
  std::optional<json::value> operator()(bool flag) const { return json::value(flag); }
  std::optional<json::value> operator()(const std::string& text) const { return json::value(text); }
  std::optional<json::value> operator()(const GgufArray& array) const {
    return std::visit(
        [&]<class Elements>(const Elements& elements) -> std::optional<json::value> {
          if constexpr (std::is_same_v<Elements, std::monostate>) {
            return std::nullopt;
          } else {
            json::array result;
            for (const auto element : elements) result.push_back(*(*this)(element));
            return result;
          }
        },
        array.elements);
  }
};

}  // namespace

std::vector<fs::path> GgufModel::files_of(const fs::path& file) {
  auto split = split_name(file.filename().string());
  if (!split) return {file};
  std::vector<fs::path> files;
  for (split->number = 1; split->number <= split->count; ++split->number)
    files.push_back(file.parent_path() / split->file());
  return files;
}

GgufModel GgufModel::read(const fs::path& path) {
  GgufModel model;
  for (auto& file : files_of(path)) {
    try {
      auto read = read_gguf_file(file);
      model.parts_.push_back({std::move(file), std::move(read)});
    } catch (const Error& error) {
      if (error.code() != Errc::kNotFound || file == path) throw;
      refuse_dangling_link(file);
      fail(path, fmt::format("is one part of several, and {} is not there: download it too", file.filename().string()));
    }
  }
  model.require_one_model();
  const auto architecture = model.text("general.architecture");
  if (!architecture || architecture->empty() || architecture->find_first_of("/.") != architecture->npos)
    fail(model.path(), "does not say its architecture: 'general.architecture' should be a word");
  model.architecture_ = *architecture;
  return model;
}

// llama.cpp, tools/gguf-split: the first part says how many there are, and how many tensors they have together.
void GgufModel::require_one_model() const {
  const auto said = number("split.count").value_or(1);
  if (said > 1 && said != static_cast<double>(parts_.size()))
    fail(path(),
         fmt::format("says that it is one of {} parts, and its name does not: name the parts as gguf-split does, "
                     "<name>-00001-of-{:05}.gguf",
                     said, static_cast<std::int64_t>(said)));
  std::size_t tensors = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& [path, file] = parts_[i];
    tensors += file.tensors.size();
    const auto value = [&, &own = file.metadata](std::string_view key) -> std::int64_t {
      const auto found = own.find(key);
      const auto* number = found == own.end() ? nullptr : std::get_if<std::uint64_t>(&found->second);
      return number ? static_cast<std::int64_t>(*number) : -1;
    };
    if (parts_.size() > 1 && (value("split.no") != static_cast<std::int64_t>(i) ||
                              value("split.count") != static_cast<std::int64_t>(parts_.size())))
      fail(path,
           fmt::format("says that it is part {} of {}, and by its name it is {} of {}, counted from 0: it is another "
                       "model's, or was renamed",
                       value("split.no"), value("split.count"), i, parts_.size()));
    if (file.big_endian != big_endian())
      fail(path, fmt::format("has another byte order than {}", parts_.front().path.filename().string()));
  }
  const auto all = number("split.tensors.count");
  if (all && parts_.size() > 1 && *all != static_cast<double>(tensors))
    fail(path(), fmt::format("says that there are {} tensors, and its parts have {}", *all, tensors));
}

std::optional<double> GgufModel::number(std::string_view key) const {
  const auto value = json(key);
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::optional<std::string> GgufModel::text(std::string_view key) const {
  const auto value = json(key);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<json::value> GgufModel::json(std::string_view key) const {
  const auto found = metadata().find(key);
  if (found == metadata().end()) return std::nullopt;
  return std::visit(ToJson{}, found->second);
}

std::optional<GgufModel::Found> GgufModel::find_tensor(std::string_view name) const {
  for (const auto& part : parts_)
    for (const auto& tensor : part.file.tensors)
      if (tensor.name == name) return Found{&tensor, &part};
  return std::nullopt;
}

}  // namespace garage

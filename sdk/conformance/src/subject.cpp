#include "subject.hpp"

#include <algorithm>
#include <cstring>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/path_text.hpp>
#include <garage/shared_library.hpp>

#include "known_models.hpp"

namespace garage::conformance {
namespace {

garage_str text(std::string_view view) { return {view.data(), view.size()}; }

template <std::size_t N>
std::string field(const char (&chars)[N]) {
  return {chars, ::strnlen(chars, N)};
}

// The caller's error, with room after it that nobody should write to.
struct GuardedError {
  garage_error error{sizeof(garage_error), 0, {}};
  unsigned char after[65536];

  GuardedError() { std::memset(after, 0xA5, sizeof after); }
  void require_intact(const char* function) const {
    if (!std::all_of(std::begin(after), std::end(after), [](unsigned char byte) { return byte == 0xA5; }))
      throw Failed(fmt::format("{} writes past its error's message of {} bytes", function, sizeof error.message));
  }
};

// The texts of a list in its info_json.
std::vector<std::string> listed_as(const garage_plugin& plugin, const char* key) {
  boost::system::error_code code;
  const auto info = boost::json::parse({plugin.info_json.data, plugin.info_json.size}, code);
  std::vector<std::string> names;
  if (!code && info.is_object())
    if (const auto* list = info.get_object().if_contains(key); list && list->is_array())
      for (const auto& name : list->get_array())
        if (name.is_string()) names.emplace_back(name.get_string());
  return names;
}

std::string metadata_json(const Model& model) {
  boost::json::object object;
  for (const auto& [key, value] : model.metadata()) object[key] = value;
  return boost::json::serialize(object);
}

}  // namespace

RawModel::RawModel(std::string config, std::vector<TensorInfo> tensors, std::string id)
    : config_(std::move(config)), metadata_("{}"), id_(std::move(id)), tensors_(std::move(tensors)) {
  for (const auto& tensor : tensors_)
    rows.push_back({text(tensor.name), text(to_string(tensor.dtype)), tensor.shape.data(),
                    static_cast<std::uint32_t>(tensor.shape.size()), 0});
  view.struct_size = sizeof view;
  view.model_id = text(id_);
  view.config_json = text(config_);
  view.metadata_json = text(metadata_);
  point_at_rows();
}

RawModel::RawModel(const Model& model) : RawModel(boost::json::serialize(model.config()), model.tensors()) {
  metadata_ = metadata_json(model);
  view.metadata_json = text(metadata_);
}

void RawModel::point_at_rows() {
  view.tensor_stride = sizeof(garage_tensor);
  view.tensors = rows.data();
  view.tensor_count = rows.size();
}

const garage_plugin* Subject::table() const {
  void* entry = nullptr;
  try {
    entry = open_shared_library(file, "garage_plugin_v1");
  } catch (const Error& error) { throw Failed(error.what()); }
  if (!entry) throw Failed("exports no garage_plugin_v1");
  const auto* table = reinterpret_cast<decltype(&garage_plugin_v1)>(entry)();
  if (!table) throw Failed("garage_plugin_v1 answers null");
  if (table->struct_size < sizeof(std::uint32_t) + 2 * sizeof(std::uint16_t) ||
      !GARAGE_HAS(table, garage_plugin, get_extension))
    throw Failed(fmt::format("its table has {} bytes, too few", table->struct_size));
  if (!table->detect || !table->decompose) throw Failed("its detect or its decompose is null");
  return table;
}

std::string Subject::name() const {
  auto stem = file.stem().string();
  return stem.starts_with("libgarage-") ? stem.substr(10) : stem;
}

std::vector<std::string> Subject::families() const { return listed_as(*table(), "families"); }

std::vector<std::string> Subject::model_types() const { return listed_as(*table(), "model_types"); }

Answer Subject::detect(const garage_model& model) const {
  GuardedError guarded;
  garage_detection detection{sizeof(garage_detection), 0, {}, {}};
  Answer answer;
  answer.status = table()->detect(&model, &detection, &guarded.error);
  guarded.require_intact("detect");
  if (answer.status != 0) answer.message = field(guarded.error.message);
  else answer.score = detection.score;
  answer.family = field(detection.family);
  answer.reason = field(detection.reason);
  return answer;
}

Answer Subject::decompose(const garage_model& model) const {
  GuardedError guarded;
  Answer answer;
  const garage_writer writer{sizeof(garage_writer), 0, &answer.spec,
                             [](void* context, const char* bytes, std::uint64_t size) {
                               static_cast<std::string*>(context)->append(bytes, size);
                             }};
  answer.status = table()->decompose(&model, &writer, &guarded.error);
  guarded.require_intact("decompose");
  if (answer.status != 0) answer.message = field(guarded.error.message);
  return answer;
}

void Subject::each_own(const std::function<void(const std::string&, const Model&)>& visit) const {
  if (models.empty()) throw Skipped("needs a model of the plugin's own: --model DIR");
  for (const auto& path : models) visit(path_text(path), open_checkpoint(path));
}

void Subject::each(const std::function<void(const std::string&, const Model&)>& visit) const {
  for (const auto& path : models) visit(path_text(path), open_checkpoint(path));
  for (const auto& known : known_models())
    visit("the known " + known.family, Model(known.tensors, boost::json::parse(known.config).get_object()));
}

}  // namespace garage::conformance

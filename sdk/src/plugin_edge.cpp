#include <garage/sdk/plugin.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include <garage/error.hpp>
#include <garage/json.hpp>
#include <garage/json_writer.hpp>
#include <garage/spec_document.hpp>

#include "current_layer.hpp"
#include "inner_wrappers.hpp"
#include "read_keys.hpp"

namespace garage::sdk {
namespace {

std::string_view text_of(garage_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

// Cut so that no UTF-8 sequence is split; always ended.
template <std::size_t N>
void fill(char (&field)[N], std::string_view text) {
  auto size = std::min(text.size(), N - 1);
  while (size > 0 && size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  std::memcpy(field, text.data(), size);
  field[size] = '\0';
}

std::int32_t fail(garage_error* error, Errc code, std::string_view message) noexcept {
  if (error && GARAGE_HAS(error, garage_error, message)) {
    error->code = static_cast<std::int32_t>(code);
    fill(error->message, message);
  }
  return static_cast<std::int32_t>(code);
}

// Of what other code than ours threw, which knows no layer. Nothing in here throws.
std::int32_t fail_in_layer(garage_error* error, const char* what) noexcept {
  const auto layer = current_layer();
  if (!layer) return fail(error, Errc::kInternal, what);
  std::array<char, sizeof(garage_error::message)> text;
  std::snprintf(text.data(), text.size(), "%s (in layer %lld)", what, static_cast<long long>(*layer));
  return fail(error, Errc::kInternal, text.data());
}

template <class Body>
std::int32_t guarded(garage_error* error, Body body) noexcept {
  try {
    current_layer().reset();
    body();
    return 0;
  } catch (const Error& thrown) { return fail(error, thrown.code(), thrown.what()); } catch (const std::bad_alloc&) {
    return fail(error, Errc::kInternal, "out of memory");
  } catch (const std::exception& thrown) {
    return fail_in_layer(error, thrown.what());
  } catch (...) {
    return fail(error, Errc::kInternal, "something was thrown that is no exception");
  }
}

TensorInfo tensor_from(const garage_tensor& tensor) {
  return {std::string(text_of(tensor.name)),
          dtype_from(text_of(tensor.dtype)).value_or(DType::kOther),  // how numbers are stored is the core's to know
          {tensor.shape, tensor.shape + tensor.rank}};
}

// What a decomposer is shown.
struct Shown {
  Model model;
  std::shared_ptr<InnerWrappers> wrappers;
};

// Borrows the foreign struct: the answer must not outlive the call.
Shown shown(const garage_model* model) {
  if (!model || !GARAGE_HAS(model, garage_model, tensor_count))
    throw Error(Errc::kIncompatible, "the host's garage_model is smaller than that of ABI 1.0");
  const auto config = text_of(model->config_json);
  auto parsed = parse_json(config.empty() ? "{}" : config, "config");
  if (!parsed.is_object()) throw Error(Errc::kCorrupt, "config: is no JSON object");
  Model::Metadata metadata;
  if (GARAGE_HAS(model, garage_model, metadata_json) && model->metadata_json.size > 0) {
    const auto pairs = parse_json(text_of(model->metadata_json), "metadata");
    if (!pairs.is_object()) throw Error(Errc::kCorrupt, "metadata: is no JSON object");
    for (const auto& [key, value] : pairs.get_object())
      if (value.is_string()) metadata.emplace(without_inner_wrappers(key), without_inner_wrappers(value.get_string()));
  }
  const auto wrappers = std::make_shared<InnerWrappers>();
  const auto load = [model, wrappers] {
    if (model->tensor_count > 0 && (!model->tensors || model->tensor_stride < sizeof(garage_tensor)))
      throw Error(Errc::kIncompatible, "the host's tensor table is smaller than that of ABI 1.0");
    std::vector<TensorInfo> tensors;
    tensors.reserve(model->tensor_count);
    const auto* at = static_cast<const char*>(model->tensors);
    for (std::uint64_t i = 0; i < model->tensor_count; ++i, at += model->tensor_stride)
      tensors.push_back(tensor_from(*reinterpret_cast<const garage_tensor*>(at)));
    wrappers->see_through(tensors);
    return tensors;
  };
  Model made(load, std::move(parsed.get_object()), std::move(metadata));
  made.id = text_of(model->model_id);
  return {std::move(made), wrappers};
}

}  // namespace

std::int32_t detect_across(const ModelDecomposer& (*decomposer)(), const garage_model* model, garage_detection* answer,
                           garage_error* error) noexcept {
  return guarded(error, [&] {
    if (!answer || !GARAGE_HAS(answer, garage_detection, reason))
      throw Error(Errc::kIncompatible, "the host's garage_detection is smaller than that of ABI 1.0");
    const auto found = decomposer().detect(shown(model).model);
    answer->score = found.score;
    fill(answer->family, found.family);
    fill(answer->reason, found.reason);
  });
}

std::int32_t decompose_across(const ModelDecomposer& (*decomposer)(), const garage_model* model,
                              const garage_writer* writer, garage_error* error) noexcept {
  return guarded(error, [&] {
    if (!writer || !GARAGE_HAS(writer, garage_writer, write) || !writer->write)
      throw Error(Errc::kIncompatible, "the host's garage_writer is smaller than that of ABI 1.0");
    const auto [seen, wrappers] = shown(model);
    const ReadKeys keys;
    auto spec = decomposer().decompose(seen);
    if (auto unread = keys.unread(seen.config()); !unread.empty()) spec.extra_info["unread_config"] = std::move(unread);
    wrappers->put_back(spec);
    const auto text = write_spec_message(spec);
    writer->write(writer->context, text.data(), text.size());
  });
}

const void* extension_across(garage_str id, const garage_nn_library& nn_library) noexcept {
  return text_of(id) == GARAGE_NN_LIBRARY_ID && nn_library.file.size > 0 ? &nn_library : nullptr;
}

const char* info_across(const PluginInfo& info) {
  JsonWriter out;
  write_json(out, info);
  const auto text = out.take();
  auto* kept = new char[text.size() + 1];
  std::memcpy(kept, text.c_str(), text.size() + 1);
  return kept;
}

}  // namespace garage::sdk

#include "plugin_decomposer.hpp"

#include <array>
#include <cstring>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../spec/spec_reader.hpp"
#include "../spec/spec_size.hpp"
#include "plugin_call.hpp"
#include "surroundings.hpp"

namespace garage {

// A later SDK may say more.
template <>
inline constexpr bool kStrict<PluginInfo> = false;

namespace {

// Text in a fixed field that its writer may have forgotten to end.
template <std::size_t N>
std::string field_text(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

std::string_view view_of(garage_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

using Untouched = std::array<unsigned char, 8192>;
constexpr auto kUntouched = [] {
  Untouched bytes{};
  bytes.fill(0xA5);
  return bytes;
}();

// The caller's error, with room after it that nobody should write to.
struct GuardedError {
  garage_error error{sizeof(garage_error), 0, {}};
  Untouched after = kUntouched;

  bool is_overrun() const { return after != kUntouched; }
};

struct SpecText {
  std::string bytes;
  bool failed = false;

  static void write(void* context, const char* bytes, std::uint64_t size) noexcept {
    auto& text = *static_cast<SpecText*>(context);
    try {
      if (size > kMaxSpecFile - text.bytes.size()) text.failed = true;
      if (text.bytes.empty()) text.bytes.reserve(size + JsonDocument::kPadding);  // mostly all of it comes at once
      if (!text.failed) text.bytes.append(bytes, size);
    } catch (...) { text.failed = true; }
  }
};

}  // namespace

std::optional<std::string> PluginDecomposer::nn_library_file() const {
  if (!table_->get_extension) return std::nullopt;
  const auto* extension = static_cast<const garage_nn_library*>(table_->get_extension(abi_text(GARAGE_NN_LIBRARY_ID)));
  if (!extension || !GARAGE_HAS(extension, garage_nn_library, file) || extension->file.size == 0) return std::nullopt;
  const auto file = view_of(extension->file);
  if (file.size() > 255 || file.find('/') != file.npos || file == "." || file == "..")
    throw Error(Errc::kInternal,
                fmt::format("plugin '{}' names '{}' as its nn library, should be a file beside its own", name_,
                            file.substr(0, 255)));
  return std::string(file);
}

template <class Call>
void PluginDecomposer::call(const char* function, Call function_call) const {
  GuardedError guarded;
  auto& error = guarded.error;
  int status = 0;
  const PluginCallMark mark(name_, function);
  const Surroundings surroundings;
  try {
    status = function_call(&error);
  } catch (const std::exception& thrown) {
    throw Error(Errc::kInternal,
                fmt::format("plugin '{}' let an exception out of {}: {}", name_, function, thrown.what()));
  } catch (...) {
    throw Error(Errc::kInternal,
                fmt::format("plugin '{}' let something that is no exception out of {}", name_, function));
  }
  if (guarded.is_overrun())
    throw Error(Errc::kInternal,
                fmt::format("plugin '{}' wrote past the {} bytes of its error's message in {}; this process can no "
                            "longer be trusted with it",
                            name_, sizeof error.message, function));
  if (status == 0) return;
  const auto message = field_text(error.message);
  const auto code = errc_from(status);
  if (message.empty())
    throw Error(code, fmt::format("plugin '{}': {} failed with code {} and no message", name_, function, status));
  throw Error(code, code == Errc::kInternal ? fmt::format("plugin '{}': {}", name_, message) : message);
}

Detection PluginDecomposer::detect(const AbiModel& model) const {
  garage_detection found{sizeof(garage_detection), 0, {}, {}};
  call("detect", [&](garage_error* error) { return table_->detect(&model.view(), &found, error); });
  Detection detection{found.score, field_text(found.family), field_text(found.reason)};
  if (detection.score < 0 || detection.score > 100 || (detection.score > 0 && detection.family.empty()))
    throw Error(Errc::kInternal, fmt::format("plugin '{}' answered detect with score {} and family '{}'", name_,
                                             detection.score, detection.family));
  return detection;
}

ModelSpec PluginDecomposer::decompose(const Model& model) const {
  const AbiModel abi_model(model, model.id);
  SpecText text;
  const garage_writer writer{sizeof(garage_writer), 0, &text, &SpecText::write};
  call("decompose", [&](garage_error* error) { return table_->decompose(&abi_model.view(), &writer, error); });
  if (text.failed)
    throw Error(Errc::kInternal, fmt::format("plugin '{}' wrote a spec of over {} bytes", name_, kMaxSpecFile));
  const auto subject = fmt::format("the spec that plugin '{}' wrote", name_);
  return spec_of(JsonDocument(text.bytes, subject), subject, Errc::kInternal);
}

void check_plugin_table(const garage_plugin* table) {
  const auto refuse = [](const std::string& why) { throw Error(Errc::kIncompatible, why); };
  if (!table) refuse("garage_plugin_v1 answers null; build it again with the SDK");
  // Until struct_size says more, only what the first version had may be read.
  if (!GARAGE_HAS(table, garage_plugin, abi_minor_required))
    refuse(fmt::format("its table has {} bytes, the version alone takes {}; build it again with the SDK",
                       table->struct_size,
                       offsetof(garage_plugin, abi_minor_required) + sizeof table->abi_minor_required));
  if (table->abi_major != GARAGE_ABI_MAJOR)
    refuse(
        fmt::format("needs garage ABI {}.{}, this core serves {}.0 to {}.{}; {}", table->abi_major,
                    table->abi_minor_required, GARAGE_ABI_MAJOR, GARAGE_ABI_MAJOR, GARAGE_ABI_MINOR,
                    table->abi_major > GARAGE_ABI_MAJOR ? "update the core" : "build it again with this core's SDK"));
  if (table->abi_minor_required > GARAGE_ABI_MINOR)
    refuse(fmt::format(
        "needs garage ABI {}.{}, this core serves {}.0 to {}.{}; update the core, or build with TARGET_ABI {}.{}",
        GARAGE_ABI_MAJOR, table->abi_minor_required, GARAGE_ABI_MAJOR, GARAGE_ABI_MAJOR, GARAGE_ABI_MINOR,
        GARAGE_ABI_MAJOR, GARAGE_ABI_MINOR));
  if (!GARAGE_HAS(table, garage_plugin, get_extension))
    refuse(fmt::format("its table has {} bytes, ABI {}.0 has {}; build it again with the SDK", table->struct_size,
                       GARAGE_ABI_MAJOR, offsetof(garage_plugin, get_extension) + sizeof table->get_extension));
  if (!table->detect || !table->decompose)
    refuse(fmt::format("its {} is null", table->detect ? "decompose" : "detect"));
}

PluginInfo read_plugin_info(const garage_plugin* table) {
  try {
    PluginInfo info;
    const JsonDocument document(view_of(table->info_json), "its info_json");
    read_json(document.root(), info, JsonPath{nullptr, "its info_json"});
    if (info.name.empty() || info.version.empty() || info.families.empty())
      throw Error(Errc::kIncompatible, "its info_json has no name, no version or no families");
    return info;
  } catch (const Error& error) { throw Error(Errc::kIncompatible, error.what()); }
}

}  // namespace garage

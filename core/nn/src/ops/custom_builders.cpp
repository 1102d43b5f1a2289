#include "custom_builders.hpp"

#include <algorithm>

#include <link.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/nn/nn_library.hpp>
#include <garage/shared_library.hpp>

#include "../weights/tensor_store.hpp"
#include "modules.hpp"

namespace garage::nn {
namespace {

namespace fs = std::filesystem;

// The name of the library in this process whose name begins so: "libc10" is "libc10.so.1.13". Empty when there is none.
std::string mapped_library(const std::string& stem) {
  struct Search {
    const std::string& stem;
    std::string found;
  } search{stem, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* context) {
        auto& wanted = *static_cast<Search*>(context);
        const auto name = fs::path(info->dlpi_name).filename().string();
        if (name.starts_with(wanted.stem + ".so")) wanted.found = name;
        return wanted.found.empty() ? 0 : 1;
      },
      &search);
  return search.found;
}

// Two LibTorches in one process crash: before the library is opened, those that it needs must be those that are here.
void require_own_torch(const LibraryFile& file) {
  for (const auto& needed : needed_libraries(file)) {
    if (!needed.starts_with("libtorch") && !needed.starts_with("libc10")) continue;
    const auto here = mapped_library(needed.substr(0, needed.find(".so")));
    if (here != needed)
      throw Error(Errc::kIncompatible,
                  fmt::format("is built for {}, this process has {}; build it again against this LibTorch ({})", needed,
                              here.empty() ? "no such library" : here, TORCH_VERSION));
  }
}

const PartBuilders& open_builders(const LibraryFile& file) {
  try {
    if (const auto fault = shared_library_fault(file)) throw Error(Errc::kIncompatible, *fault);
    require_own_torch(file);
    auto* entry = open_shared_library(file, "garage_nn_library_v1");
    if (!entry) throw Error(Errc::kIncompatible, "exports no garage_nn_library_v1: it is no nn library");
    const auto* table = reinterpret_cast<const NnLibraryTable* (*)()>(entry)();
    if (!table || !GARAGE_HAS(table, NnLibraryTable, builders) || !table->builders)
      throw Error(Errc::kIncompatible, "its table is too small");
    const std::string theirs(table->fingerprint.data, table->fingerprint.size);
    if (const auto ours = torch_fingerprint(); theirs != ours)
      throw Error(Errc::kIncompatible,
                  fmt::format("is built for '{}', this process is '{}'; build it again", theirs, ours));
    return *table->builders;
  } catch (const Error& error) { throw Error(error.code(), fmt::format("{}: {}", file.path().string(), error.what())); }
}

}  // namespace

std::optional<std::vector<std::string>> builder_names(const PluginHost& plugins, const std::string& plugin) {
  const auto file = plugins.nn_library(plugin);
  if (!file) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& [name, builder] : open_builders(*file)) names.push_back(name);
  return names;
}

std::shared_ptr<PartModule> build_custom(const PluginHost* plugins, const ModelSpec& spec, const std::string& name,
                                         const PartSpec& part, const Custom& custom, const TensorStore& store) {
  const auto which = fmt::format("part '{}' of '{}'", name, spec.model_id);
  if (custom.builder.empty())
    throw Error(Errc::kUnsupported,
                fmt::format("{} is a {}, which does not run: nothing here builds it", which, part.part_type));
  const auto file = plugins ? plugins->nn_library(spec.decomposer.plugin) : std::nullopt;
  if (!file)
    throw Error(Errc::kUnsupported,
                fmt::format("{} is built by code of plugin '{}' ('{}'), which is not loaded here or "
                            "brings no such code",
                            which, spec.decomposer.plugin, custom.builder));
  const auto& builders = open_builders(*file);
  const auto found = builders.find(custom.builder);
  if (found == builders.end() || !found->second)
    throw Error(Errc::kUnsupported,
                fmt::format("{} wants builder '{}', which {} does not have; build plugin '{}' again", which,
                            custom.builder, file->path().string(), spec.decomposer.plugin));
  const auto tensor = [&](const std::string& role) {
    const auto known = custom.tensors.find(role);
    if (known == custom.tensors.end()) throw Error(Errc::kNotFound, fmt::format("{} has no tensor '{}'", which, role));
    const auto weight = store.weight(known->second.ref);
    store.arrive();  // a builder may look at the numbers
    return weight.dense();
  };
  const auto part_in = [&](const std::string& child) {
    if (std::none_of(custom.parts.begin(), custom.parts.end(), [&](const auto& ref) { return ref.part == child; }))
      throw Error(Errc::kNotFound, fmt::format("{} has no part '{}' in it", which, child));
    return make_module(spec, child, store);
  };
  const auto failed = [&](const std::string& fault) {
    return Error(Errc::kInternal, fmt::format("{}: builder '{}' of plugin '{}' {}", which, custom.builder,
                                              spec.decomposer.plugin, fault));
  };
  std::shared_ptr<PartModule> module;
  try {
    module = found->second({name, part, custom, tensor, part_in});
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw failed(fmt::format("failed: LibTorch: {}", error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw failed(fmt::format("let an exception out: {}", error.what()));
  } catch (...) { throw failed("let something that is no exception out"); }
  if (!module) throw failed("made nothing of it");
  PartBinding::mark_foreign(*module);
  return module;
}

}  // namespace garage::nn

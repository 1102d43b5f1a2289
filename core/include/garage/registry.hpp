// ModelRegistry: register, look up, forget. What an application embeds.
//
//   garage::ModelRegistry registry(garage::load_config());
//   registry.register_model("meta-llama/Llama-2-7b-hf", garage::open_checkpoint("/models/llama-2-7b"));
//   auto part = registry.get_part("meta-llama/Llama-2-7b-hf", "attention_5");
//
// Lifetime  A spec stays valid whatever happens to the registry. Several registries live side by side.
// Threads   All members may be called from several threads at once.
// Errors    Absent answers are null or empty; a broken catalog file is an Error (catalog.hpp).
// It prints nothing and changes no global state.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/catalog.hpp>
#include <garage/compare.hpp>
#include <garage/config.hpp>
#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/plugin_host.hpp>
#include <garage/spec.hpp>

namespace garage {

using SpecPtr = std::shared_ptr<const ModelSpec>;

class GARAGE_API ModelRegistry {
 public:
  explicit ModelRegistry(Config config, IndexReports reports = {});
  ~ModelRegistry();

  // "unknown" when no plugin claims the model. Throws kAmbiguous.
  std::string detect_family(const Model& model, std::string_view id) const;

  // Takes the model apart with the plugin that claims it, accounts for every tensor, and keeps the spec; a spec of
  // that id is replaced. Nothing is kept when it throws.
  // Throws kInvalidArgument (the id), kUnsupported, kNotFound, kAmbiguous (choice; no config), kCorrupt (config and
  // tensors disagree), kIo.
  SpecPtr register_model(const std::string& id, const Model& model);

  // The same, by that plugin's claim where one is named (kNotFound when it does not claim the model), and with word of
  // whether anything was written: a file that holds this very spec is left as it is.
  struct Registration {
    SpecPtr spec;
    bool is_written = false;
  };
  Registration update_model(const std::string& id, const Model& model, std::string_view plugin = {});

  SpecPtr get_spec(const std::string& id) const;      // null when there is none
  SpecPtr require_spec(const std::string& id) const;  // throws kNotFound when there is none
  std::optional<PartSpec> get_part(const std::string& id, std::string_view part) const;

  std::vector<std::string> list_models() const;  // ids, sorted; what catalog().list() has as problems is left out
  std::vector<std::string> list_parts(const std::string& id, std::optional<std::string_view> type = std::nullopt) const;

  // Which parts could be swapped (compare.hpp). Throws kNotFound when either is not registered.
  Comparison compare(const std::string& a, const std::string& b) const;

  bool remove(const std::string& id);  // whether there was one

  const Config& config() const noexcept;
  const Catalog& catalog() const noexcept;
  const PluginHost& plugins() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace garage

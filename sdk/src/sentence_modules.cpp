// What sentence-transformers runs behind a model: the modules that its modules.json lists, each with its own folder's
// config (sentence_transformers/models: Pooling.py, Dense.py, Normalize.py). The checkpoint's reader puts them into the
// config, and a module's tensors under its folder's name.
#include <algorithm>
#include <map>

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/stack_builder.hpp>

#include "sentence_modules.hpp"

namespace garage::sdk {
namespace {

namespace json = boost::json;

constexpr std::string_view kKey = "sentence_transformers_modules";

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

// "Pooling" of "sentence_transformers.models.Pooling".
std::string class_of(const std::string& type) { return type.substr(type.rfind('.') + 1); }

PooledBy read_pooling(const ConfigReader& config) {
  if (!config.flag("include_prompt", true))
    config.unsupported("include_prompt", "tokens of a prompt, which do not count");
  static const std::map<std::string, PooledBy> kModes = {{"cls", PooledBy::first},
                                                         {"lasttoken", PooledBy::last},
                                                         {"mean", PooledBy::mean},
                                                         {"mean_sqrt_len_tokens", PooledBy::mean_sqrt},
                                                         {"weightedmean", PooledBy::weighted_mean},
                                                         {"max", PooledBy::max}};
  if (config.has("pooling_mode")) {
    const auto mode = kModes.find(config.text("pooling_mode", ""));
    if (mode == kModes.end()) config.unsupported("pooling_mode", "a pooling of another kind");
    return mode->second;
  }
  static const std::map<std::string, PooledBy> kFlags = {{"pooling_mode_cls_token", PooledBy::first},
                                                         {"pooling_mode_lasttoken", PooledBy::last},
                                                         {"pooling_mode_mean_tokens", PooledBy::mean},
                                                         {"pooling_mode_mean_sqrt_len_tokens", PooledBy::mean_sqrt},
                                                         {"pooling_mode_weightedmean_tokens", PooledBy::weighted_mean},
                                                         {"pooling_mode_max_tokens", PooledBy::max}};
  std::optional<PooledBy> found;
  for (const auto& [key, by] : kFlags) {
    if (!config.flag(key, by == PooledBy::mean)) continue;
    if (found) config.unsupported(key, "several poolings side by side");
    found = by;
  }
  if (!found) throw Error(Errc::kCorrupt, fmt::format("{}: none of its poolings is on", config.path()));
  return *found;
}

// Empty: none.
std::string read_activation(const ConfigReader& config) {
  static const std::map<std::string, std::string> kNames = {{"Identity", ""}, {"Tanh", "tanh"}, {"ReLU", "relu"},
                                                            {"GELU", "gelu"}, {"SiLU", "silu"}, {"Sigmoid", "sigmoid"}};
  const auto known = kNames.find(class_of(config.text("activation_function", "Tanh")));
  if (known == kNames.end()) config.unsupported("activation_function", "an activation of another kind");
  return known->second;
}

}  // namespace

bool has_sentence_modules(const Model& model) { return model.config().if_contains(kKey) != nullptr; }

void StackBuilder::add_sentence_modules() {
  const auto* list = model_.config().if_contains(kKey);
  if (!list) return;
  const auto is_object = [](const json::value& value) { return value.is_object(); };
  if (!list->is_array() || !std::all_of(list->get_array().begin(), list->get_array().end(), is_object))
    throw Error(Errc::kCorrupt, fmt::format("config.json: {} is no list of modules", kKey));
  auto width = dims_.hidden;
  bool pools = false;
  for (std::size_t i = 1; i < list->get_array().size(); ++i) {  // the first is the model itself
    const auto& module = list->get_array()[i].get_object();
    const auto type = class_of(text_of(module, "type")), path = text_of(module, "path");
    const auto place = std::to_string(i);
    static const json::object kNone;
    const auto* settings = module.if_contains("config");
    const ConfigReader config(settings && settings->is_object() ? settings->get_object() : kNone,
                              path + "/config.json");
    const auto add = [&](const std::string& name, const char* kind, std::int64_t out, Blueprint blueprint) {
      part(name, kind, place, width, out, std::move(blueprint));
      run_through(name);
      width = out;
    };
    if (type == "Pooling") {
      pools = true;
      add("pooling", part_type::kPooler, width, Pooling{.size = width, .by = read_pooling(config)});
    } else if (type == "Dense") {
      const auto out = config.dimension("out_features");
      const auto linear = Tensors(model_, path + ".").linear("linear", width, out, config.flag("bias", true));
      const auto activation = read_activation(config);
      add("dense_" + place, part_type::kProjector, out,
          activation.empty() ? Blueprint(linear) : Blueprint(Dense{linear, activation, {}}));
    } else if (type == "Normalize") {
      add("normalize", part_type::kLayerNorm, width, Norm{.kind = NormKind::l2, .size = width, .eps = 1e-12});
    } else {
      throw Error(Errc::kUnsupported, fmt::format("modules.json: module {} is a '{}', which nobody here knows", i,
                                                  text_of(module, "type")));
    }
  }
  if (!pools) throw Error(Errc::kUnsupported, "modules.json: none of its modules is a Pooling");
}

}  // namespace garage::sdk

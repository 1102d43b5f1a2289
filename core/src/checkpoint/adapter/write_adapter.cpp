// What PEFT reads (peft/utils/save_and_load.py, set_peft_model_state_dict): of a LoRA's modules lora_A and lora_B, of
// modules_to_save every tensor, and whatever else bears the name of a parameter of the model, as biases do.
#include <garage/write_adapter.hpp>

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include <garage/durable_file.hpp>
#include <garage/error.hpp>
#include <garage/json_writer.hpp>

#include "../checkpoint_files.hpp"
#include "named_modules.hpp"
#include "short_names.hpp"

namespace garage {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "adapter_model.safetensors";
constexpr const char* kPickled = "adapter_model.bin";
constexpr const char* kPrefix = "base_model.model.";

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A config says once for all modules whether their weights are [in, out]; where shapes tell, they decide.
bool are_turned(const NewAdapter& adapter) {
  const LowRankChange *turned = nullptr, *plain = nullptr, *square = nullptr;
  for (const auto& change : adapter.changes) {
    (change.is_turned ? turned : plain) = &change;
    if (change.in == change.out) square = &change;
  }
  if (turned && plain && square)
    throw Error(
        Errc::kUnsupported,
        fmt::format("'{}' lies [in, out] and '{}' [out, in]: an adapter's config has one fan_in_fan_out, and of "
                    "'{}', which is square, nothing else would tell",
                    turned->module, plain->module, square->module));
  return turned != nullptr;
}

// The rank that most modules have.
std::int64_t common_rank(const NewAdapter& adapter) {
  std::map<std::int64_t, std::size_t> counts;
  for (const auto& change : adapter.changes) ++counts[change.rank];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

// The modules of another rank by their whole names, which mean those that end with them, too: so the longer ones come
// first, and where one of the common rank would be meant it is said as well.
std::vector<const LowRankChange*> other_ranks(const NewAdapter& adapter, std::int64_t common) {
  std::vector<std::string> names;
  for (const auto& change : adapter.changes)
    if (change.rank != common) names.push_back(change.module);
  const NamedModules others(names);
  std::vector<const LowRankChange*> said;
  for (const auto& change : adapter.changes)
    if (others.meaning(change.module)) said.push_back(&change);
  std::stable_sort(said.begin(), said.end(),
                   [](const auto* a, const auto* b) { return a->module.size() > b->module.size(); });
  return said;
}

void write_ranks(JsonWriter& out, std::string_view key, const std::vector<const LowRankChange*>& changes) {
  out.key(key);
  out.begin_object();
  for (const auto* change : changes) write_member(out, change->module, change->rank);
  out.end_object();
}

void write_names(JsonWriter& out, std::string_view key, const std::vector<std::string>& names) {
  out.key(key);
  if (names.empty()) out.null();
  else write_json(out, names);
}

std::vector<std::string> modules_of(const NewAdapter& adapter) {
  std::vector<std::string> modules;
  for (const auto& change : adapter.changes) modules.push_back(change.module);
  return modules;
}

std::vector<std::string> joined(std::vector<std::string> names, const std::vector<std::string>& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

bool has_biases(const NewAdapter& adapter) {
  return std::any_of(adapter.whole.begin(), adapter.whole.end(), [&](const auto& data) {
    const std::string_view name = data.tensor.name;
    return name.ends_with(".bias") && !has(adapter.saved, name.substr(0, name.rfind('.')));
  });
}

std::string config_text(const NewAdapter& adapter) {
  const auto rank = common_rank(adapter);
  const auto others = other_ranks(adapter, rank);
  const auto modules = modules_of(adapter);
  const bool makes_text =
      adapter.architecture.ends_with("ForCausalLM") || adapter.architecture.ends_with("LMHeadModel");
  JsonWriter out(1);
  out.begin_object();
  write_member(out, "peft_type", "LORA");
  write_member(out, "task_type", makes_text ? std::optional<std::string>("CAUSAL_LM") : std::nullopt);
  write_member(out, "base_model_name_or_path", adapter.base);
  write_member(out, "inference_mode", true);
  write_member(out, "r", rank);
  write_member(out, "lora_alpha", rank);
  write_ranks(out, "rank_pattern", others);
  write_ranks(out, "alpha_pattern", others);
  write_member(out, "lora_dropout", 0.0);
  write_member(out, "use_rslora", false);
  write_member(out, "use_dora", false);
  write_member(out, "init_lora_weights", true);
  write_member(out, "fan_in_fan_out", are_turned(adapter));
  write_member(out, "bias", has_biases(adapter) ? "all" : "none");
  write_names(out, "target_modules", short_names(modules, joined(adapter.others, adapter.saved), NameMatch::pieces));
  write_names(out, "modules_to_save", short_names(adapter.saved, joined(adapter.others, modules), NameMatch::text));
  if (adapter.is_tied) write_member(out, "ensure_weight_tying", true);
  out.end_object();
  return out.take();
}

// In a module that has a LoRA, PEFT's own holds what was there.
std::string name_of(const std::string& tensor, const std::vector<std::string>& modules) {
  const auto dot = tensor.rfind('.');
  if (dot == tensor.npos || !has(modules, std::string_view(tensor).substr(0, dot))) return kPrefix + tensor;
  return fmt::format("{}{}.base_layer{}", kPrefix, tensor.substr(0, dot), tensor.substr(dot));
}

void write_weights(const fs::path& file, const NewAdapter& adapter) {
  const auto modules = modules_of(adapter);
  std::vector<SafetensorsData> tensors;
  for (const auto& [module, rank, in, out, a, b, is_turned] : adapter.changes) {
    tensors.push_back({{fmt::format("{}{}.lora_A.weight", kPrefix, module), DType::kF32, {rank, in}}, a});
    tensors.push_back({{fmt::format("{}{}.lora_B.weight", kPrefix, module), DType::kF32, {out, rank}}, b});
  }
  for (auto data : adapter.whole) {
    data.tensor.name = name_of(data.tensor.name, modules);
    tensors.push_back(std::move(data));
  }
  write_safetensors(file, std::move(tensors), {{"format", "pt"}});
}

// What model hubs show; the names as JSON, which is YAML.
std::string card_text(const NewAdapter& adapter) {
  JsonWriter base;
  write_json(base, adapter.base);
  return fmt::format(
      "---\nbase_model: {}\nlibrary_name: peft\ntags:\n- lora\n---\n\nA LoRA: what `{}` differs in from `{}`, by "
      "singular "
      "value decomposition of the difference of each linear weight.\n",
      base.take(), adapter.tuned, adapter.base);
}

}  // namespace

void refuse_taken_folder(const fs::path& folder) {
  const auto refuse = [&](std::string_view what) {
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: has {} in it: name a new folder, or remove that", folder.string(), what));
  };
  std::error_code ignored;
  for (const auto* name : {kAdapterConfigName, kWeights, kPickled})
    if (fs::exists(fs::symlink_status(folder / name, ignored))) refuse("an adapter");
  if (looks_like_checkpoint(folder)) refuse("a model");
}

void write_adapter(const fs::path& folder, const NewAdapter& adapter) {
  refuse_taken_folder(folder);
  if (adapter.changes.empty())
    throw Error(
        Errc::kInvalidArgument,
        fmt::format("{}: an adapter without a LoRA over any module, which PEFT does not load", folder.string()));
  const auto config = config_text(adapter);
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw Error(Errc::kIo, fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
  write_weights(folder / kWeights, adapter);
  write_durably(folder / "README.md", {card_text(adapter)});
  write_durably(folder / kAdapterConfigName, {config, "\n"});
  flush_folder(folder);
}

}  // namespace garage

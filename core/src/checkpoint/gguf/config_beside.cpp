#include "config_beside.hpp"

#include <algorithm>
#include <string_view>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

namespace json = boost::json;

// Numbers as the file holds them.
bool are_equal(const json::value& a, const json::value& b) {
  if (!a.is_number() || !b.is_number()) return a == b;
  return static_cast<float>(a.to_number<double>()) == static_cast<float>(b.to_number<double>());
}

const json::value* find(const json::object& config, std::string_view key) {
  const auto* value = config.if_contains(json::string_view(key.data(), key.size()));
  return value && !value->is_null() ? value : nullptr;
}

class Merging {
 public:
  Merging(json::object own, const json::object& beside, const GgufTable& table, const std::filesystem::path& path)
      : own_(std::move(own)), beside_(beside), table_(table), path_(path) {}

  json::object take() {
    for (const auto& member : own_) require_same(member.key(), member.value());
    require_same_rope();
    auto config = beside_;
    // Its weights are the file's own, however others were stored.
    for (const auto* key : {"quantization_config", "compression_config", "transformers_weights"}) config.erase(key);
    for (auto& member : own_)
      if (counts(member.key())) config[member.key()] = std::move(member.value());
    return config;
  }

 private:
  [[noreturn]] void refuse(std::string_view key, const json::value& said, const json::value& other) const {
    throw Error(Errc::kCorrupt,
                fmt::format("{}: its metadata say {} {}, the config.json beside it {}: it is another model's; take it "
                            "away",
                            path_.string(), key, json::serialize(said), json::serialize(other)));
  }

  // llama.cpp has one name for what are several families': a Mistral is a "llama".
  bool may_be(const json::value& type) const {
    const auto also = table_.texts("also");
    return type.is_string() && std::find(also.begin(), also.end(), std::string_view(type.get_string())) != also.end();
  }

  void require_same(std::string_view key, const json::value& said) const {
    const auto* other = find(beside_, key);
    if (!other || said.is_null() || are_equal(said, *other)) return;
    // The classes of a config may be without a head, and a rope stands in several spellings.
    if (key == "architectures" || key == "tie_word_embeddings" || key.starts_with("rope_")) return;
    if (key != "model_type" || !may_be(*other)) refuse(key, said, *other);
  }

  bool says_rope() const {
    return find(beside_, "rope_theta") || find(beside_, "rope_scaling") || find(beside_, "rope_parameters");
  }

  void require_same_rope() const {
    const auto *own_theta = find(own_, "rope_theta"), *own_scaling = find(own_, "rope_scaling");
    const auto *scaling = find(beside_, "rope_scaling"), *parameters = find(beside_, "rope_parameters");
    const auto* theta = find(beside_, "rope_theta");
    const auto* object = parameters ? parameters->if_object() : nullptr;
    if (object && find(*object, "rope_theta")) theta = find(*object, "rope_theta");
    if (own_theta && theta && !are_equal(*own_theta, *theta)) refuse("rope_theta", *own_theta, *theta);
    const auto* type = object ? find(*object, "rope_type") : nullptr;
    const bool is_plain = !scaling && (!object || (type && *type == "default"));
    if (own_scaling && says_rope() && is_plain)
      refuse("rope_scaling", *own_scaling, parameters ? *parameters : json::value(nullptr));
  }

  // Whether what the metadata say stands in the place of what the config says.
  bool counts(std::string_view key) const {
    if (says_rope() && key.starts_with("rope_")) return false;
    const auto* other = find(beside_, key);
    return !other || key == "tie_word_embeddings" || (key == "architectures" && !is_another_family());
  }

  bool is_another_family() const {
    const auto *own = find(own_, "model_type"), *other = find(beside_, "model_type");
    return own && other && *own != *other;
  }

  json::object own_;
  const json::object& beside_;
  const GgufTable& table_;
  const std::filesystem::path& path_;
};

}  // namespace

json::object with_config_beside(json::object own, const json::object& beside, const GgufTable& table,
                                const std::filesystem::path& path) {
  // What says its type alone is a hub's mark.
  if (!find(beside, "model_type") || beside.size() < 2) return own;
  return Merging(std::move(own), beside, table, path).take();
}

}  // namespace garage

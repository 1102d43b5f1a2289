#include "orientation.hpp"

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

using Shape = std::vector<std::int64_t>;

struct Fits {
  bool plain, turned;
};

Fits fits(const LoraModule& module, const TensorInfo& weight) {
  const auto in = module.a->info.shape[1], out = module.b->info.shape[0];
  return {!module.is_embedding && weight.shape == Shape{out, in}, weight.shape == Shape{in, out}};
}

}  // namespace

void Orientation::see(const std::string& name, const LoraModule& module, const TensorInfo& weight) {
  const auto [plain, turned] = fits(module, weight);
  if (!plain && !turned) {
    const auto& base = adapter_.config.base;
    throw Error(
        Errc::kCorrupt,
        fmt::format("{}: is an adapter for another model{}: its module '{}' has A {} and B {}, the model's '{}' "
                    "is {}",
                    adapter_.subject(), base.empty() ? "" : fmt::format(" ('{}')", base), name,
                    shape_text(module.a->info.shape), shape_text(module.b->info.shape), weight.name,
                    shape_text(weight.shape)));
  }
  if (module.is_embedding || plain == turned) return;
  (plain ? plain_ : turned_) = &weight;
}

bool Orientation::is_turned(const LoraModule& module, const TensorInfo& weight) const {
  const auto [plain, turned] = fits(module, weight);
  if (plain != turned) return turned;
  const bool says = adapter_.config.is_fan_in_fan_out;
  if (const auto* other = says ? plain_ : turned_)
    throw Error(
        Errc::kUnsupported,
        fmt::format("{}: nothing tells which way round '{}' {} lies: the config's 'fan_in_fan_out' is {}, and '{}' "
                    "{} lies the other way",
                    adapter_.subject(), weight.name, shape_text(weight.shape), says, other->name,
                    shape_text(other->shape)));
  return says;
}

}  // namespace garage

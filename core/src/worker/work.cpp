#include "work.hpp"

#include <fmt/format.h>

#include <garage/checkpoint.hpp>

#include "../checkpoint/source_stamp.hpp"

namespace garage {
namespace {

OpenOptions options_of(const ModelRegistry& registry, const WorkOrder& order) {
  return {order.variant, order.adapters, registry.plugins().folders()};
}

void keep(ModelRegistry& registry, const WorkOrder& order, WorkResult& result) {
  const auto source = source_stamp(order.path, order.adapters);
  const auto model = open_checkpoint(order.path, options_of(registry, order));
  result.notes = model.notes;
  if (!is_as_it_was(order.path, source))
    throw Error(Errc::kIo, fmt::format("{}: changed while it was read", order.path.string()));
  const auto registered = registry.update_model(order.id, model, order.plugin);
  result.is_written = registered.is_written;
  result.notes = registered.spec->notes;
  if (source.is_settled) result.stamp = source.text;
}

void detect(ModelRegistry& registry, const WorkOrder& order, WorkResult& result) {
  const auto model = open_checkpoint(order.path, options_of(registry, order));
  result.notes = model.notes;
  if (order.kind == WorkKind::detect) result.claims = registry.plugins().claims(model, order.id);
  result.choice = registry.plugins().choose(model, order.id, order.plugin).claim;
}

}  // namespace

WorkResult work_on(ModelRegistry& registry, const WorkOrder& order) {
  WorkResult result;
  const auto failed = [&](Errc code, std::string_view message) {
    result.code = static_cast<std::int64_t>(code);
    result.message = message;
  };
  try {
    if (order.kind == WorkKind::register_model) keep(registry, order, result);
    else detect(registry, order, result);
  } catch (const Error& error) {
    failed(error.code(), error.message());
    result.details = error.details();
  } catch (const std::exception& error) { failed(Errc::kInternal, error.what()); }
  return result;
}

}  // namespace garage

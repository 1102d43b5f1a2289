#include "mixture_reader.hpp"

#include <fmt/format.h>

namespace garage {
namespace {

constexpr const char* kRouterForm = "should be random, or {model: M} for the routers of a mixture M";

std::optional<RecipeMixture::Named> read_router(const YamlReader& value) {
  if (!value.is_mapping()) {
    if (const auto word = value.text(); word != "random") value.refuse(fmt::format("is '{}', {}", word, kRouterForm));
    return std::nullopt;
  }
  RecipeMixture::Named router{{}, value.where()};
  value.keys({{"model", [&](const YamlReader& v) { router.model = read_model_reference(v); }}});
  if (router.model.model.place.empty()) value.refuse(kRouterForm);
  return router;
}

}  // namespace

RecipeMixture read_mixture(const YamlReader& value) {
  RecipeMixture mixture;
  mixture.where = value.where();
  std::optional<YamlReader> as, experts, per_token, router;
  const auto keep = [](std::optional<YamlReader>& place) { return [&place](const YamlReader& v) { place = v; }; };
  value.keys(
      {{"as", keep(as)}, {"experts", keep(experts)}, {"experts_per_token", keep(per_token)}, {"router", keep(router)}});
  if (!as) value.refuse("has no 'as': the class of the mixture, as in mixtral");
  if (!experts) value.refuse("has no 'experts'");
  if (!per_token) value.refuse("has no 'experts_per_token'");
  if (!router) value.refuse(fmt::format("has no 'router', which {}", kRouterForm));
  mixture.layout = as->text();
  mixture.where_layout = as->where();
  experts->each([&](const YamlReader& v) { mixture.experts.push_back({read_model_reference(v), v.where()}); });
  if (mixture.experts.size() < 2)
    experts->refuse(fmt::format("names {} models, a mixture has two experts at least", mixture.experts.size()));
  mixture.experts_per_token = per_token->whole_number(1, static_cast<std::int64_t>(mixture.experts.size()));
  mixture.router = read_router(*router);
  return mixture;
}

}  // namespace garage

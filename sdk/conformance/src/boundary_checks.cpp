#include <algorithm>
#include <cstring>
#include <limits>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "checks.hpp"
#include "known_models.hpp"

namespace garage::conformance {
namespace {

void ask(const Subject& subject, const garage_model& model) {
  subject.detect(model);
  subject.decompose(model);
}

// A host of the first ABI, whose structs may be smaller than the plugin's.
void serves_smaller_structs(const Subject& subject) {
  RawModel model("{\"model_type\": \"checked\"}", {{"w", DType::kF32, {2}}});
  model.view.struct_size = offsetof(garage_model, metadata_json);
  ask(subject, model.view);

  struct {
    garage_error error{offsetof(garage_error, message), 0, {}};
  } small;
  std::memset(small.error.message, 0x5A, sizeof small.error.message);
  garage_detection detection{sizeof(garage_detection), 0, {}, {}};
  model.view.config_json = {"{", 1};
  subject.table()->detect(&model.view, &detection, &small.error);
  if (std::any_of(std::begin(small.error.message), std::end(small.error.message), [](char c) { return c != 0x5A; }))
    throw Failed("writes a message into an error whose struct_size says that it has none");

  garage_detection tiny{offsetof(garage_detection, family), 0, {}, {}};
  std::memset(tiny.family, 0x5A, sizeof tiny.family);
  garage_error error{sizeof(garage_error), 0, {}};
  subject.table()->detect(&model.view, &tiny, &error);
  if (std::any_of(std::begin(tiny.family), std::end(tiny.family), [](char c) { return c != 0x5A; }))
    throw Failed("writes a family into a detection whose struct_size says that it has none");
}

// A host of a later ABI, whose structs are larger: the stride alone says where a tensor lies.
void serves_larger_structs(const Subject& subject) {
  subject.each([&](const std::string& name, const Model& known) {
    RawModel model(known);
    const auto plain = subject.detect(model.view);
    struct Wide {
      garage_tensor tensor;
      std::int64_t later[4];
    };
    std::vector<Wide> rows;
    for (const auto& row : model.rows) rows.push_back({row, {-1, -1, -1, -1}});
    struct {
      garage_model model;
      std::int64_t later[4];
    } larger{model.view, {-1, -1, -1, -1}};
    larger.model.struct_size = sizeof larger;
    larger.model.tensor_stride = sizeof(Wide);
    larger.model.tensors = rows.data();
    if (subject.detect(larger.model) != plain)
      throw Failed(
          fmt::format("answers otherwise of {} when the host's structs are larger: read arrays by their stride", name));
    if (plain.score > 0 && subject.decompose(larger.model) != subject.decompose(model.view))
      throw Failed(fmt::format("decomposes {} otherwise when the host's structs are larger", name));
  });
}

// A host that knows encodings which came after the plugin.
void takes_any_dtype(const Subject& subject) {
  static constexpr std::string_view kLater = "F4_E2M1_FUTURE";
  subject.each([&](const std::string& name, const Model& known) {
    const RawModel plain(known);
    const auto detected = subject.detect(plain.view);
    if (detected.score == 0) return;
    RawModel later(known);
    for (auto& row : later.rows) row.dtype = {kLater.data(), kLater.size()};
    if (const auto answer = subject.detect(later.view); answer != detected)
      throw Failed(fmt::format("answers otherwise of {} when its tensors have the dtype '{}': {}", name, kLater,
                               answer.status ? answer.message : answer.reason));
    if (const auto answer = subject.decompose(later.view); answer != subject.decompose(plain.view))
      throw Failed(fmt::format("decomposes {} otherwise when its tensors have the dtype '{}'{}{}", name, kLater,
                               answer.status ? ": " : "", answer.message));
  });
}

void survives_hostile_configs(const Subject& subject) {
  const std::string deep_list(100'000, '['), deep_object = [] {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
    return text;
  }();
  for (const std::string& config :
       {std::string(), std::string("{"), std::string("[]"), std::string("null"), std::string("7"),
        std::string("\xff\xfe{}"), std::string("{\"model_type\": \"\xff\"}"), std::string("{}\0{}", 5),
        std::string("{\"a\": 1e999}"), deep_list, deep_object,
        std::string("{\"model_type\": null, \"architectures\": [null]}"), std::string("{\"architectures\": \"\"}")}) {
    const RawModel model(config, {{"w", DType::kF32, {2}}});
    ask(subject, model.view);
  }
  // Every key of real configs, as every wrong type and as senseless numbers.
  const boost::json::value wrong[] = {nullptr,
                                      true,
                                      "text",
                                      -1,
                                      0,
                                      1.5,
                                      9'000'000'000'000'000'000,
                                      boost::json::array{},
                                      boost::json::object{},
                                      boost::json::array{1, "two", nullptr}};
  subject.each([&](const std::string&, const Model& known) {
    if (subject.detect(RawModel(known).view).score == 0) return;
    for (const auto& [key, unused] : known.config())
      for (const auto& value : wrong) {
        auto config = known.config();
        config[key] = value;
        const RawModel model(boost::json::serialize(config), known.tensors());
        ask(subject, model.view);
      }
  });
}

void survives_hostile_tensors(const Subject& subject) {
  subject.each([&](const std::string&, const Model& known) {
    const auto config = boost::json::serialize(known.config());
    const auto with = [&](const std::function<void(std::vector<garage_tensor>&)>& change) {
      RawModel model(config, known.tensors());
      change(model.rows);
      model.point_at_rows();
      ask(subject, model.view);
    };
    static constexpr std::int64_t kLarge = std::numeric_limits<std::int64_t>::max();
    static constexpr std::int64_t kHuge[] = {kLarge, kLarge, kLarge, kLarge};
    static constexpr std::int64_t kNegative[] = {-1, -kLarge};
    static const std::vector<std::int64_t> kMany(1000, 1);
    with([](auto& rows) { rows.clear(); });
    with([](auto& rows) {
      for (auto& row : rows) row.shape = kHuge, row.rank = 4;
    });
    with([](auto& rows) {
      for (auto& row : rows) row.shape = kHuge, row.rank = 1;
    });
    with([](auto& rows) {
      for (auto& row : rows) row.shape = kNegative, row.rank = 2;
    });
    with([](auto& rows) {
      for (auto& row : rows) row.shape = nullptr, row.rank = 0;
    });
    with([](auto& rows) {
      for (auto& row : rows) row.shape = kMany.data(), row.rank = 1000;
    });
    with([](auto& rows) {
      for (auto& row : rows) row.dtype = {"F99", 3};
    });
    with([](auto& rows) {
      for (auto& row : rows) row.dtype = {nullptr, 0};
    });
    with([](auto& rows) {
      for (auto& row : rows) row.name = {"\xff\xfe", 2};
    });
    with([](auto& rows) {
      for (auto& row : rows) row.name = {nullptr, 0};
    });
    with([](auto& rows) {
      for (auto& row : rows) row.name = rows.front().name;
    });
    with([](auto& rows) { rows.resize(rows.size() / 2); });
  });
  // Ten thousand layers that are none.
  std::vector<TensorInfo> many;
  for (int i = 0; i < 10'000; ++i)
    many.push_back({fmt::format("model.layers.{}.self_attn.q_proj.weight", i * 99'991), DType::kF32, {4, 4}});
  const RawModel model("{}", std::move(many));
  ask(subject, model.view);
}

}  // namespace

std::vector<Check> boundary_checks() {
  return {
      {"serves-smaller-structs", "Structs of an older host, which are smaller, are not written past their size",
       serves_smaller_structs},
      {"serves-larger-structs", "Structs of a later host, which are larger, change no answer", serves_larger_structs},
      {"takes-any-dtype", "How tensors are stored, also in ways that came after it, changes no answer",
       takes_any_dtype},
      {"survives-hostile-configs", "Broken, deep and senseless configs are answered, or refused with an error",
       survives_hostile_configs},
      {"survives-hostile-tensors",
       "No tensors, huge and negative dimensions, unknown dtypes and names that are no UTF-8 are answered, or refused",
       survives_hostile_tensors}};
}

}  // namespace garage::conformance

// Methods that go along lines and arcs. Where no reason is given, expected numbers are what torch 2.14 makes of the
// published formula, in float64 on the matrices of small_merge.hpp.
#include <array>
#include <cmath>
#include <cstring>
#include <random>

#include <catch2/catch_test_macros.hpp>

#include <garage/error.hpp>

#include "small_merge.hpp"

using namespace garage;
using namespace garage::test;

namespace {

constexpr double kClose = 1e-6;
using Floats = std::vector<float>;
using Weights = std::vector<std::map<std::string, double>>;

const std::vector<std::int64_t> kMatrix{3, 4};
const Weights kTwo{{{"weight", 0.6}}, {{"weight", 0.9}}};
const Weights kThree{{{"weight", 0.5}}, {{"weight", 0.9}}, {{"weight", 0.3}}};

}  // namespace

TEST_CASE("linear: a weighted sum, or the mean of any number of models", "[merge][methods]") {
  const Weights weights{{{"weight", 0.7}}, {{"weight", 0.5}}, {{"weight", -0.2}}};
  const Floats sum{0.410000026F, -0.55400002F,  1.16100001F,   0.0419999994F,  0.0799999982F, 1.20599997F,
                   -1.78400016F, 0.0709999949F, -0.421000004F, -0.0389999971F, 0.952000022F,  2.20600009F};
  CHECK(worst(merged("linear", {.models = {kA, kB, kC}, .of_models = weights, .shared = {{"normalize", 0}}}), sum) <
        kClose);
  CHECK(worst(merged("linear", {.models = {kA, kB, kC}, .of_models = weights}), sum) < kClose);  // they add up to 1
  CHECK(merged("linear", {.models = {{1, 2}, {4, 8}}, .of_models = {{{"weight", 2}}, {{"weight", 1}}}}) ==
        Floats{2, 4});
  CHECK(merged("linear", {.models = {kA}, .of_models = {{{"weight", 0.3}}}}) == kA);
}

TEST_CASE("linear: a base that is listed is a model, and one that is named alone takes no part", "[merge][methods]") {
  const Weights weights{{{"weight", 1}}, {{"weight", 1}}};
  CHECK(merged("linear", {.models = {{1}, {3}}, .base = 1, .of_models = weights, .is_base_listed = true}) == Floats{2});
  CHECK(merged("linear", {.models = {{1}, {3}}, .base = 1, .of_models = {{{"weight", 1}}}}) == Floats{1});
}

TEST_CASE("passthrough: -0 stays -0", "[merge][methods]") {
  CHECK(std::signbit(merged("passthrough", {.models = {{-0.0F}}})[0]));
}

TEST_CASE("slerp: along the arc from the base", "[merge][methods]") {
  const Floats arc{0.673454912F, -0.400350807F, 0.999875278F,  0.0478944032F, 0.164054663F, 1.00901933F,
                   -1.42046606F, 0.165126847F,  -0.378451721F, 0.0221213729F, 0.657675796F, 2.04090826F};
  CHECK(worst(merged("slerp", {.models = {kA, kC}, .base = 0, .shared = {{"t", 0.3}}}), arc) < kClose);
  CHECK(worst(merged("slerp", {.models = {kC, kA}, .base = 1, .shared = {{"t", 0.3}}}), arc) < kClose);
  CHECK(merged("slerp", {.models = {kA, kC}, .base = 0, .shared = {{"t", 0}}}) == kA);
  CHECK(merged("slerp", {.models = {kA, kC}, .base = 0, .shared = {{"t", 1}}}) == kC);
  // A right angle, halfway: (1, 0) and (0, 1) meet at (sqrt(1/2), sqrt(1/2)).
  CHECK(worst(merged("slerp", {.models = {{1, 0}, {0, 1}}, .base = 0, .shared = {{"t", 0.5}}}),
              {std::sqrt(0.5F), std::sqrt(0.5F)}) < kClose);
}

TEST_CASE("slerp: vectors near one line are joined by one, and a zero is at a right angle to all", "[merge][methods]") {
  // Their cosine is 0.99990: half of an arc would be longer than half of the line by a part in 20,000.
  const Floats line{1, 0.01F};
  CHECK(merged("slerp", {.models = {{1, 0}, {1, 0.02F}}, .base = 0, .shared = {{"t", 0.5}}}) == line);
  CHECK(merged("slerp", {.models = {{1, 2}, {-1, -2}}, .base = 0, .shared = {{"t", 0.25}}}) == Floats{0.5F, 1});
  CHECK(worst(merged("slerp", {.models = {{0, 0}, {3, 4}}, .base = 0, .shared = {{"t", 0.25}}}),
              {1.1480503F, 1.53073373F}) < kClose);  // sin(22.5 degrees) of (3, 4)
  CHECK(merged("slerp", {.models = {{0, 0}, {0, 0}}, .base = 0, .shared = {{"t", 0.25}}}) == Floats{0, 0});
}

TEST_CASE("nuslerp: between task vectors, by rows and by columns", "[merge][methods]") {
  struct Case {
    const char* title;
    std::vector<std::int64_t> dimensions;
    bool has_base;
    double flatten, row_wise;
    Floats expected;
  };
  const std::vector<Case> cases = {
      {"task vectors",
       kMatrix,
       true,
       1,
       0,
       {0.407314658F, -0.471865356F, 1.18857324F, 0.0464998707F, 0.175596297F, 1.16484928F, -1.81636322F, 0.142559588F,
        -0.439059466F, 0.0341860205F, 0.875707388F, 2.38838458F}},
      {"rows",
       kMatrix,
       false,
       0,
       0,
       {0.425651559F, -0.435694011F, 1.17267345F, 0.0385051904F, 0.169743121F, 1.09521355F, -1.77424957F, 0.164719344F,
        -0.45347609F, 0.0300669638F, 0.787663136F, 2.33564623F}},
      {"columns",
       kMatrix,
       false,
       0,
       1,
       {0.439062349F, -0.43170094F, 1.16111442F, 0.0380215674F, 0.175761683F, 1.09420743F, -1.7707298F, 0.164082974F,
        -0.471073396F, 0.0300766883F, 0.787166895F, 2.32925156F}},
      {"columns of task vectors",
       kMatrix,
       true,
       0,
       1,
       {0.337978481F, -0.436174835F, 1.17586888F, 0.0657741245F, 0.211044474F, 1.10106672F, -1.79545087F, 0.0933374021F,
        -0.359843548F, 0.0306352437F, 0.837855878F, 2.52175375F}},
      {"along the first of three dimensions",
       {2, 3, 2},
       false,
       0,
       1,
       {0.422812897F, -0.444247238F, 1.15855618F, 0.0779322133F, 0.170307762F, 1.09320389F, -1.77709247F, 0.168857919F,
        -0.452214477F, 0.0482373037F, 0.791651961F, 2.33466861F}},
      {"a vector is one column",
       {12},
       false,
       0,
       1,
       {0.42262523F, -0.432645027F, 1.16481685F, 0.038234673F, 0.169932531F, 1.09654263F, -1.77635251F, 0.164902694F,
        -0.454628831F, 0.0301192102F, 0.789743009F, 2.34161757F}},
  };
  for (const auto& c : cases) {
    INFO(c.title);
    SmallMerge merge{.models = {kA, kB},
                     .of_models = kTwo,
                     .shared = {{"nuslerp_flatten", c.flatten}, {"nuslerp_row_wise", c.row_wise}},
                     .dimensions = c.dimensions};
    if (c.has_base) {
      merge.models.push_back(kBaseMatrix);
      merge.base = 2;
    }
    CHECK(worst(merged("nuslerp", merge), c.expected) < kClose);
  }
}

TEST_CASE("nuslerp: vectors on one line are joined by one, and weights that cancel mean the middle",
          "[merge][methods]") {
  CHECK(merged("nuslerp", {.models = {kA, kA}, .of_models = kTwo}) == kA);
  // -2 times the other, which float32 does not hold exactly: there is no arc between them.
  const Floats v{0.1F, 0.3F, -0.7F}, opposite{-0.2F, -0.6F, 1.4F};
  CHECK(worst(merged("nuslerp", {.models = {v, opposite}, .of_models = {{{"weight", 1}}, {{"weight", 1}}}}),
              {-0.05F, -0.15F, 0.35F}) < kClose);
  CHECK(worst(merged("nuslerp", {.models = {{1, 0}, {0, 1}}, .of_models = {{{"weight", 1}}, {{"weight", -1}}}}),
              {std::sqrt(0.5F), std::sqrt(0.5F)}) < kClose);
}

TEST_CASE("multislerp: the mean direction with the mean length", "[merge][methods]") {
  const Floats mean{0.511367135F, -0.357189087F, 1.13128565F,  0.0394358663F, 0.222829819F, 1.01943643F,
                    -1.68565582F, 0.221912762F,  -0.45675359F, 0.0684822064F, 0.664462073F, 2.35840652F};
  const Floats of_deltas{0.499244431F, -0.411959454F, 1.1653177F,    0.0625987771F, 0.272618955F, 1.14755032F,
                         -1.72954148F, 0.193101389F,  -0.409593513F, 0.106754647F,  0.820504959F, 2.47964243F};
  const Floats raw{0.495154244F, -0.524283212F, 1.2820868F,    0.105682457F, 0.374691051F, 1.42346661F,
                   -1.89354883F, 0.1538851F,    -0.348388955F, 0.180609025F, 1.13009749F,  2.81568472F};
  CHECK(worst(merged("multislerp", {.models = {kA, kB, kC}, .of_models = kThree}), mean) < kClose);
  const SmallMerge with_base{.models = {kA, kB, kC, kBaseMatrix}, .base = 3, .of_models = kThree};
  CHECK(worst(merged("multislerp", with_base), of_deltas) < kClose);
  auto weights_as_they_are = with_base;
  weights_as_they_are.shared = {{"normalize_weights", 0}, {"eps", 0.05}};
  CHECK(worst(merged("multislerp", weights_as_they_are), raw) < kClose);
}

TEST_CASE("multislerp: one model is itself, two opposite ones are joined by a line, zeros are zero",
          "[merge][methods]") {
  const Weights ones{{{"weight", 1}}, {{"weight", 1}}, {{"weight", 1}}};
  CHECK(merged("multislerp", {.models = {kA, kBaseMatrix}, .base = 1, .of_models = ones}) == kA);
  CHECK(merged("multislerp", {.models = {{2, 4}, {-1, -2}}, .of_models = ones}) == Floats{0.5F, 1});
  CHECK(merged("multislerp", {.models = {{0, 0}, {0, 0}, {0, 0}}, .of_models = ones}) == Floats{0, 0});
  CHECK(merged("multislerp", {.models = {kA, kA, kA, kA}, .base = 3, .of_models = ones}) == kA);
}

TEST_CASE("karcher: the mean on the sphere of any number of models", "[merge][methods]") {
  const Floats near{0.607570049F, -0.309821284F, 1.06998854F,   0.0418936355F, 0.24635989F,  0.954311634F,
                    -1.54960432F, 0.248853868F,  -0.437705433F, 0.0853822259F, 0.567943563F, 2.28346149F};
  CHECK(worst(merged("karcher", {.models = {kA, kB, kC}}), near) < kClose);
  // Far apart, so that steps are needed; the last has no direction, and shortens the mean.
  SmallMerge far{.models = {{1, 0, 0}, {-0.5F, 2, 0}, {0, -0.4F, 3}, {0, 0, 0}},
                 .shared = {{"max_iter", 50}, {"tol", 1e-9}}};
  CHECK(worst(merged("karcher", far), {0.761953274F, 0.880731878F, 0.979949076F}) < kClose);
  far.shared["max_iter"] = 1;
  CHECK(worst(merged("karcher", far), {0.761865886F, 0.874893427F, 0.985232707F}) < kClose);
}

TEST_CASE("karcher: one model is itself, zeros are zero, and of two opposite ones the first says where",
          "[merge][methods]") {
  CHECK(merged("karcher", {.models = {{1e-9F, 0}}}) == Floats{1e-9F, 0});
  CHECK(merged("karcher", {.models = {{0, 0}, {0, 0}}}) == Floats{0, 0});
  CHECK(worst(merged("karcher", {.models = {kA, kA}}), kA) < kClose);
  CHECK(worst(merged("karcher", {.models = {{2, 0}, {-1, 0}}}), {1.5F, 0}) < kClose);
}

TEST_CASE("model_stock: one t for the tensor, or one for each row", "[merge][methods]") {
  const Floats whole{0.451515915F, -0.206364333F, 0.96121275F,   -0.0290904436F, 0.0450012782F, 0.611820408F,
                     -1.47333376F, 0.259696813F,  -0.550908279F, -0.0581808872F, 0.231971977F,  1.82788156F};
  const Floats rows{0.3215833F,   -0.0894250023F, 0.857266704F,  -0.107049994F,  0.01041755F,  0.552084886F,
                    -1.46180585F, 0.263888779F,   -0.519373939F, -0.0221416439F, 0.320568455F, 1.93449764F};
  SmallMerge merge{.models = {kBaseMatrix, kA, kB, kC}, .base = 0, .dimensions = kMatrix};
  CHECK(worst(merged("model_stock", merge), whole) < kClose);
  merge.shared = {{"filter_wise", 1}};
  CHECK(worst(merged("model_stock", merge), rows) < kClose);
}

TEST_CASE("model_stock: models at a right angle, alike, or opposite", "[merge][methods]") {
  const auto stock = [](Floats a, Floats b) { return merged("model_stock", {.models = {a, b, {1, 1}}, .base = 2}); };
  CHECK(stock({2, 1}, {1, 2}) == Floats{1, 1});  // cos 0: t 0
  CHECK(stock({3, 2}, {3, 2}) == Floats{3, 2});  // cos 1: t 1
  CHECK(stock({2, 2}, {0, 0}) == Floats{1, 1});  // cos -1: no finite t
  CHECK(stock({1, 1}, {1, 1}) == Floats{1, 1});  // no angle
}

TEST_CASE("nearswap: near numbers are swapped, far ones moved by t", "[merge][methods]") {
  const Floats near{0.600000024F, -0.349999994F, 1.01999998F,   0.0500000007F,  0.0549999997F, 0.850000024F,
                    -1.49000001F, 0.150000006F,  -0.399999976F, -0.0599999987F, 0.475000024F,  1.91999996F};
  CHECK(worst(merged("nearswap", {.models = {kBaseMatrix, kA}, .base = 0, .shared = {{"t", 0.1}}}), near) < kClose);
  CHECK(merged("nearswap", {.models = {kA, kBaseMatrix}, .base = 1, .shared = {{"t", 0}}}) == kBaseMatrix);
  CHECK(merged("nearswap", {.models = {kA, kA}, .base = 0, .shared = {{"t", 0.1}}}) == kA);
}

TEST_CASE("arcee_fusion: what matters is the other model's, the rest the base's", "[merge][methods]") {
  auto expected = kBaseMatrix;
  expected[6] = kC[6];  // the only one beyond the median + 1.5 * (third quartile - first)
  CHECK(worst(merged("arcee_fusion", {.models = {kBaseMatrix, kC}, .base = 0, .dimensions = kMatrix}), expected) < kClose);
  CHECK(merged("arcee_fusion", {.models = {kA, kA}, .base = 0, .dimensions = kMatrix}) == kA);
}

TEST_CASE("merge methods: of a method that works in place, pieces are what the whole is", "[merge][methods]") {
  for (const auto* method : merge_methods()) {
    if (!method->is_in_place()) continue;
    INFO(method->name());
    const auto has_base = method->base() == MergeBase::required;
    const auto count = method->name() == "passthrough" ? 1U : 2U;
    const auto piece = [&](std::size_t from, std::size_t size) {
      SmallMerge merge{.of_models = {{{"weight", 0.6}, {"scale", 0.3}}, {{"weight", 0.9}}},
                       .shared = {{"t", 0.1}, {"lambda", 0.7}}};
      for (const auto* model : {&kA, &kBaseMatrix})
        if (merge.models.size() < count) merge.models.emplace_back(model->begin() + from, model->begin() + from + size);
      if (has_base) merge.base = 1;
      return merged(method->name(), merge);
    };
    auto pieces = piece(0, 5);
    const auto rest = piece(5, 7);
    pieces.insert(pieces.end(), rest.begin(), rest.end());
    CHECK(pieces == piece(0, 12));
  }
}

TEST_CASE("merge methods: a tensor that comes some rows at a time is merged like a whole one", "[merge][methods]") {
  const std::vector<std::int64_t> shape{37, 24};
  std::minstd_rand random(3);
  std::vector<Floats> models(4);
  for (auto& model : models)
    for (int i = 0; i < 37 * 24; ++i) model.push_back(static_cast<float>(random() % 2001) / 1000 - 1);
  for (const auto* method : merge_methods()) {
    INFO(method->name());
    // As many models as it takes, the base last.
    auto count = models.size();
    const auto takes = [&](std::size_t some) {
      try {
        method->require_models(some, method->base() != MergeBase::none);
        return true;
      } catch (const Error&) {
        return false;
      }
    };
    while (!takes(count)) --count;
    SmallMerge merge{.models = {models.begin(), models.begin() + static_cast<std::ptrdiff_t>(count)},
                     .of_models = {{{"weight", 0.6}, {"density", 0.5}, {"gamma", 0.1}},
                                   {{"weight", 0.9}, {"density", 0.7}, {"gamma", 0.2}},
                                   {{"weight", 0.4}, {"density", 0.3}, {"gamma", 0.05}},
                                   {{"weight", 0.2}}},
                     .shared = {{"t", 0.3}, {"lambda", 0.7}, {"select_topk", 0.4}, {"rescale", 1}},
                     .dimensions = shape};
    if (method->base() != MergeBase::none) merge.base = count - 1;
    for (const auto flag : {0.0, 1.0}) {
      merge.shared["nuslerp_flatten"] = merge.shared["filter_wise"] = flag;
      merge.shared["nuslerp_row_wise"] = 1;
      const auto whole = merged(method->name(), merge);
      for (const auto rows : {1, 5, 36}) CHECK(worst(merged(method->name(), merge, rows), whole) < kClose);
    }
  }
}

TEST_CASE("merge methods: a tensor without numbers gives none", "[merge][methods]") {
  for (const auto* method : merge_methods()) {
    INFO(method->name());
    SmallMerge merge{.models = {{}, {}, {}}, .base = 2, .of_models = {{{"weight", 1}}, {{"weight", 1}}}};
    const auto task = task_of(merge, *method);
    const SmallPieces none(merge, task.shape, 1);
    CHECK_NOTHROW(method->begin(task, none));
  }
}

TEST_CASE("merge methods: sums over millions of numbers lose nothing", "[merge][methods]") {
  // A cosine of 0.6 of two vectors of four million numbers, of which a float32 sum would be off by far more than 1e-6.
  const std::size_t half = 2'000'000;
  Floats a(2 * half, 0.1F), b(2 * half, 0.1F);
  for (std::size_t i = 0; i < half * 2 / 5; ++i) b[i] = -0.1F;  // 0.2 of all: 1 - 2 * 0.2
  const auto got = merged("slerp", {.models = {a, b}, .base = 0, .shared = {{"t", 0.5}}});
  const auto half_way = 0.1 / 2 / std::cos(std::acos(0.6) / 2);  // of both, where they agree, twice
  CHECK(std::abs(got.back() - 2 * half_way) < 1e-7);
  CHECK(std::abs(got.front()) < 1e-9);
}

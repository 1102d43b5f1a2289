#include <garage/sdk/tensors.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace garage;
using namespace garage::sdk;

TEST_CASE("tensors: a list has as many modules as its highest index says, and its tensors can be", "[sdk][tensors]") {
  const auto count = [](std::vector<std::string> names) {
    std::vector<TensorInfo> tensors;
    for (auto& name : names) tensors.push_back({std::move(name), DType::kF32, {1}});
    return count_modules(Model(std::move(tensors)), "h");
  };
  CHECK(count({"h.0.a", "h.0.b", "h.1.a", "h.1.b"}) == 2);
  CHECK(count({"h.0.a", "h.0.b", "h.0.c", "h.2.a"}) == 3);  // one between them is missing: for the accounting to tell
  CHECK(count({"h.0.a", "h.2147483646.a"}) == 2);
  CHECK(count({"h.9223372036854775807.a", "h.18446744073709551615.a", "h.99999999999999999999.a", "h.-1.a", "h.x.a", "h.7"}) == 0);
  CHECK(count({}) == 0);
}

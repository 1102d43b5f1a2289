// Published models, as files of their real size: sparse, so that they take no room.
#include <sstream>

#include <catch2/catch_test_macros.hpp>

#include <garage/checkpoint.hpp>

#include "checkpoint_files.hpp"
#include "test_registry.hpp"

using namespace garage;
using namespace garage::test;

namespace {

// What the hub has: 3 shards for Llama-2-7B, 191 for Llama-3.1-405B, and so on.
std::size_t shards_of(const std::string& id) {
  if (id.ends_with("405B")) return 191;
  if (id.ends_with("235B-A22B")) return 118;
  if (id.ends_with("DeepSeek-V3")) return 163;
  if (id.ends_with("7b-hf")) return 3;
  return id.ends_with("8B") ? 4 : 1;
}

}  // namespace

TEST_CASE("real models: they register from files of the real size, with the published parameter counts", "[real-models]") {
  std::stringstream table(read_text(test_data("real-models/parameters.tsv")) + read_text(test_data("real-models/parameters-second.tsv")));
  std::string id;
  std::int64_t parameters = 0;
  int seen = 0;
  while (table >> id >> parameters) {
    INFO(id);
    TestRegistry registry;
    const auto source = test_data("real-models/" + id);
    const auto tensors = read_tensor_table(source / "tensors.tsv");
    write_checkpoint(registry.folder / "model", read_text(source / "config.json"), tensors, shards_of(id));
    const auto model = open_checkpoint(registry.folder / "model");
    CHECK(model.tensors().size() == tensors.size());
    CHECK(registry->register_model(id, model)->parameters == parameters);
    ++seen;
  }
  CHECK(seen == 29);
}

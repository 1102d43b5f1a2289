// Weights that torch.save wrote (PyTorch 2.14.1): tests/data/layouts.
#include <cstring>
#include <limits>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>

#include "is_error.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
namespace fs = std::filesystem;

namespace {

fs::path layout(std::string_view name) { return test_data("layouts") / name; }
fs::path odd(std::string_view name) { return layout("odd") / name; }

std::string bytes_of(const LocatedModel& model, const std::string& tensor) {
  const auto& extent = model.tensors.at(tensor).extents.front();
  return read_text(model.weight_files.at(extent.file)).substr(extent.offset, extent.size);
}

// "w F32 [2, 3]" of each.
std::vector<std::string> tensors_of(const Model& model) {
  std::vector<std::string> texts;
  for (const auto& tensor : model.tensors()) texts.push_back(tensor.name + " " + std::string(to_string(tensor.dtype)) + " " + shape_text(tensor.shape));
  return texts;
}

// The file with a number of 64 bits put over what stands at a place.
std::string with_number(std::string bytes, std::size_t at, std::int64_t number) {
  REQUIRE(at + sizeof number <= bytes.size());
  std::memcpy(bytes.data() + at, &number, sizeof number);
  return bytes;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("torch.save: all its forms give the same tensors", "[checkpoint][torch-save]") {
  const auto zip = locate_checkpoint(layout("bin"));
  CHECK(zip.model.tensors().size() == 30);
  CHECK(zip.model.source.kind == "checkpoint");
  for (const auto* name : {"bin-legacy", "bin-sharded"}) {
    INFO(name);
    const auto other = locate_checkpoint(layout(name));
    REQUIRE(tensors_of(other.model) == tensors_of(zip.model));
    for (const auto& tensor : zip.model.tensors())
      CHECK(bytes_of(other, tensor.name) == bytes_of(zip, tensor.name));
  }
}

TEST_CASE("torch.save: tensors that lie across one another, or in one storage, are where they are", "[checkpoint][torch-save]") {
  for (const auto* name : {"bin-strided", "bin-legacy-strided"}) {
    INFO(name);
    const auto located = locate_checkpoint(layout(name));
    CHECK(tensors_of(located.model) == tensors_of(open_checkpoint(layout("bin"))));
    int across = 0;
    for (const auto& [tensor, stored] : located.tensors) across += !stored.strides.empty();
    CHECK(across > 3);
  }
  // w [2, 3], b its third and fourth number, n a number and no tensor.
  const auto shared = locate_checkpoint(odd("shared.bin"));
  CHECK(tensors_of(shared.model) == std::vector<std::string>{"b F32 [2]", "empty F32 [0, 4]", "w F32 [2, 3]"});
  CHECK(shared.tensors.at("b").extents.front().offset == shared.tensors.at("w").extents.front().offset + 8);
  CHECK(shared.tensors.at("empty").extents.front().size == 0);
  CHECK(shared.model.resolve("same")->name == "w");
}

TEST_CASE("torch.save: an index may list a tensor under its second name, too", "[checkpoint][torch-save]") {
  const TemporaryFolder folder;
  const std::string shard = "pytorch_model-00001-of-00001.bin";
  fs::copy(odd("shared.bin"), folder / shard);
  const auto listed = [&](const std::string& name) { return "\"" + name + "\": \"" + shard + "\""; };
  write_text(folder / "pytorch_model.bin.index.json",
             "{\"weight_map\": {" + listed("b") + "," + listed("empty") + "," + listed("same") + "," + listed("w") + "}}");
  CHECK(open_checkpoint(folder.path()).resolve("same")->name == "w");
  write_text(folder / "pytorch_model.bin.index.json", "{\"weight_map\": {" + listed("b") + "," + listed("empty") + "," + listed("w") + "}}");
  CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(Errc::kCorrupt, "tensor 'same' is in shard 'pytorch_model-00001-of-00001.bin' and not in the index"));
}

TEST_CASE("torch.save: what is no state dict of plain tensors is refused, and nothing of it runs", "[checkpoint][torch-save]") {
  struct Case { const char* file; Errc code; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"evil.bin", Errc::kUnsupported, "its pickle names 'posix.system', which is none of what weights are made of: nothing of it is run"},
      {"evil-legacy.bin", Errc::kUnsupported, "its pickle names 'posix.system'"},
      {"nested.bin", Errc::kUnsupported, "holds a dict 'state_dict' and is no state dict itself"},
      {"list.bin", Errc::kUnsupported, "holds no dict of tensors"},
      {"quantised.bin", Errc::kUnsupported, "its pickle names 'torch._utils._rebuild_qtensor'"},
      {"expanded.bin", Errc::kUnsupported, "tensor 'w' stands for 12 numbers by 6, which is not read"},
  }));
  CHECK_THROWS_MATCHES(open_checkpoint(odd(c.file)), Error, is_error(c.code, c.says));
}

TEST_CASE("torch.save: a broken file of the old form is refused", "[checkpoint][torch-save]") {
  const auto whole = read_text(layout("bin-legacy/pytorch_model.bin"));
  const auto first = locate_checkpoint(layout("bin-legacy"));
  auto begin = std::numeric_limits<std::uint64_t>::max();  // of the first storage's numbers, behind their count
  for (const auto& [name, stored] : first.tensors) begin = std::min(begin, stored.extents.front().offset);
  struct Case { const char* title; std::string bytes; Errc code; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"a negative count", with_number(whole, begin - 8, -1), Errc::kCorrupt, "has -1 elements"},
      {"a count beyond the end", with_number(whole, begin - 8, 1'000'000), Errc::kCorrupt, "it is cut off"},
      {"a count of 64 bits", with_number(whole, begin - 8, std::numeric_limits<std::int64_t>::max()), Errc::kCorrupt, "it is cut off"},
      {"fewer numbers than a tensor needs", with_number(whole, begin - 8, 1), Errc::kCorrupt, ""},
      {"a call of another class", replaced(whole, "ctorch._utils\n_rebuild_tensor_v2\n", "cos\nsystem\n"), Errc::kUnsupported, "its pickle names 'os.system'"},
      {"storages of an unknown type", replaced(whole, "FloatStorage", "FlotaStorage"), Errc::kUnsupported, "torch.FlotaStorage, which is not read"},
      {"another form", "\x80\x03" + whole.substr(2), Errc::kCorrupt, "is no file that torch.save wrote"},
      {"nothing", "", Errc::kCorrupt, "is no file that torch.save wrote"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_text(folder / "pytorch_model.bin", c.bytes);
    CHECK_THROWS_MATCHES(open_checkpoint(folder.path()), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("torch.save: a file that ends too soon is refused wherever it ends", "[checkpoint][torch-save]") {
  for (const auto* name : {"bin", "bin-legacy"}) {
    const auto whole = read_text(layout(std::string(name) + "/pytorch_model.bin"));
    const TemporaryFolder folder;
    for (std::size_t size = 0; size < whole.size(); size += size < 3000 ? 1 : 97) {
      INFO(name << " of " << size << " bytes");
      write_text(folder / "pytorch_model.bin", whole.substr(0, size));
      CHECK_THROWS_AS(open_checkpoint(folder.path()), Error);
    }
  }
}

TEST_CASE("torch.save: safetensors come first, and what was passed over is said", "[checkpoint][torch-save]") {
  const TemporaryFolder folder;
  fs::copy(layout("bin"), folder.path(), fs::copy_options::recursive);
  fs::copy(reference("llama-2") / "model.safetensors", folder.path());
  const auto model = open_checkpoint(folder.path());
  CHECK(model.notes == std::vector<std::string>{"pytorch_model.bin: passed over, since model.safetensors comes first"});
}

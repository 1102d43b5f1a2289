#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>

#include "is_error.hpp"
#include "pickled_archive.hpp"
#include "places.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

}  // namespace

TEST_CASE("torchscript: the module tree gives names, dtypes and shapes; tensors lie where the archive says", "[checkpoint][torchscript]") {
  const auto script = locate_checkpoint(test_data("torchscript/llama-3.1.pt"));
  const auto original = locate_checkpoint(reference("llama-3.1"));
  REQUIRE(script.model.tensors().size() == original.model.tensors().size());
  const auto bytes_of = [](const LocatedModel& model, const std::string& tensor) {
    const auto& extent = model.tensors.at(tensor).extents.front();
    return read_text(model.weight_files.at(extent.file)).substr(extent.offset, extent.size);
  };
  for (const auto& tensor : original.model.tensors()) {
    INFO(tensor.name);
    const auto* found = script.model.find(tensor.name);
    REQUIRE(found);
    CHECK(found->dtype == tensor.dtype);
    CHECK(found->shape == tensor.shape);
    CHECK(bytes_of(script, tensor.name) == bytes_of(original, tensor.name));
  }
  CHECK(script.model.source.kind == "torchscript");
}

TEST_CASE("torchscript: a broken file is refused", "[checkpoint][torchscript]") {
  const auto whole = read_text(test_data("torchscript/llama-3.1.pt"));
  const auto pickle = whole.find("data.pkl");
  struct Case { const char* title; std::string bytes; Errc code; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"cut off", whole.substr(0, whole.size() - 1000), Errc::kCorrupt, "is no zip archive, or is cut off"},
      {"its first bytes alone", whole.substr(0, 4), Errc::kCorrupt, "is no zip archive, or is cut off"},
      {"another archive", replaced(whole, "/data.pkl", "/dato.pkl"), Errc::kUnsupported, "is a zip archive without data.pkl: neither TorchScript nor torch.save's"},
      {"torch.save of no dict", replaced(whole, "constants.pkl", "constants.pkk"), Errc::kUnsupported, "its pickle names '__torch__"},
      {"a storage of a type unknown", replaced(whole, "FloatStorage", "FlotaStorage"), Errc::kUnsupported, "lies in a torch.FlotaStorage, which is not read"},
      {"quantised", replaced(whole, "_rebuild_tensor_v2", "_rebuild_qtensor_x"), Errc::kUnsupported, "is made by torch._utils._rebuild_qtensor_x (quantised or sparse)"},
      {"a storage that is not there", replaced(whole, "/data/7", "/dota/7"), Errc::kCorrupt, "lies in storage '7', which is not there"},
      {"an opcode that is none", whole.substr(0, whole.find("\x80\x02" "c__torch__", pickle)) + "\x80\x02\xff" + whole.substr(whole.find("\x80\x02" "c__torch__", pickle) + 3), Errc::kCorrupt, "has opcode 0xff, which this reader does not know, at byte"},
  }));
  DYNAMIC_SECTION(c.title) {
    TemporaryFolder folder;
    write_text(folder / "model.pt", c.bytes);
    REQUIRE_THROWS_MATCHES(open_checkpoint(folder / "model.pt"), Error, is_error(c.code, c.says));
  }
}

TEST_CASE("torchscript: a small file that stands for very much is refused", "[checkpoint][torchscript][bomb]") {
  using Write = std::string (*)();
  struct Case { const char* title; Write pickle; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"two paths to each module, 60 deep", [] { return doubled_modules(60, "s", "t"); }, "the names of its modules and tensors take more than"},
      {"one module of many attributes, again and again", [] { return module_of(attribute("0", module_of(many(5000, [](int i) { return attribute(std::to_string(i), "K\1"); }), 1)) + many(1000, [](int i) { return attribute("m" + std::to_string(i), recall(1)); }), 0); }, "its modules have more than"},
      {"two paths to each module, whose name is long", [] { return doubled_modules(60, std::string(2000, 's'), "t"); }, "the names of its modules and tensors take more than"},
      {"a module in itself", [] { return module_of(attribute("kept", recall(0)), 0); }, "its module 'kept' contains itself"},
      {"a module in itself, by a name of a million bytes", [] { return module_of(attribute(std::string(1'000'000, 'k'), recall(0)), 0); }, "contains itself"},
      {"modules in modules", [] { return nested_modules(1000, "m"); }, "its modules nest more than 100 deep"},
      {"modules in modules, whose names are long", [] { return nested_modules(90, std::string(20'000, 'm')); }, "the names of its modules and tensors take more than"},
      {"one tensor under very many names", [] { return module_of(attribute(std::string(100'000, 'w'), tensor() + memoize(7)) + many(10'000, [](int i) { return attribute(std::to_string(i), recall(7)); }), 0); }, "the names of its modules and tensors take more than"},
      {"a tensor of very many dimensions", [] { return module_of(attribute("w", tensor(100'000)), 0); }, "tensor 'w' has 100000 dimensions, at most 64 are read"},
      {"nine million values", [] { return "\x80\x02" + std::string(9'000'000, 'N') + "."; }, "has more than 8388608 values, at byte"},
      {"a pickle of 40 MB", [] { return "\x80\x02" + std::string(40'000'000, ')') + "."; }, "its data.pkl has 40000003 bytes, at most 33554432 are read"},
  }));
  DYNAMIC_SECTION(c.title) {
    const TemporaryFolder folder;
    write_text(folder / "model.pt", archive(c.pickle()));
    REQUIRE_THROWS_MATCHES(open_checkpoint(folder / "model.pt"), Error, is_error(Errc::kCorrupt, c.says));
  }
}

TEST_CASE("torchscript: a file that cost minutes and gigabytes is refused within seconds and megabytes", "[checkpoint][torchscript][bomb]") {
  const auto result = run_program(garage_binary(), {"detect", test_data("attacks/torchscript-shared-submodule.pt")}, {}, {.seconds = 20, .bytes = std::uint64_t{2} << 30});
  CHECK(result.code == static_cast<int>(Errc::kCorrupt));
  CHECK(result.err.find("its modules have more than 1002048 attributes, which is out of proportion to its data.pkl") != std::string::npos);
}

TEST_CASE("torchscript: what modules share is read under each of its names", "[checkpoint][torchscript]") {
  // As torch.jit.load(...).state_dict() lists them: a module used twice has both paths, a tied weight both names.
  const TemporaryFolder folder;
  const auto layer = module_of(attribute("weight", tensor() + memoize(7)) + attribute("tied", recall(7)), 1);
  write_text(folder / "model.pt", archive(module_of(attribute("first", layer) + attribute("second", recall(1)), 0)));
  const auto model = open_checkpoint(folder / "model.pt");
  REQUIRE(model.tensors().size() == 1);
  for (const auto* name : {"first.weight", "first.tied", "second.weight", "second.tied"}) {
    INFO(name);
    REQUIRE(model.resolve(name));
    CHECK(model.resolve(name)->shape == std::vector<std::int64_t>{4, 8});
  }
}

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <garage/checkpoint.hpp>

#include "is_error.hpp"
#include "places.hpp"
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
  const auto bytes_of = [](const TensorLocation& location) { return read_text(location.file).substr(location.offset, location.size); };
  for (const auto& tensor : original.model.tensors()) {
    INFO(tensor.name);
    const auto* found = script.model.find(tensor.name);
    REQUIRE(found);
    CHECK(found->dtype == tensor.dtype);
    CHECK(found->shape == tensor.shape);
    CHECK(bytes_of(script.locations.at(tensor.name)) == bytes_of(original.locations.at(tensor.name)));
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
      {"another archive", replaced(whole, "/data.pkl", "/dato.pkl"), Errc::kUnsupported, "is a zip archive without data.pkl: no TorchScript"},
      {"torch.save", replaced(whole, "constants.pkl", "constants.pkk"), Errc::kUnsupported, "is a pickle that torch.save wrote"},
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

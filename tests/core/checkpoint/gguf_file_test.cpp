// GGUF headers: by hand (gguf_bytes.hpp), and one that llama-quantize wrote, tests/data/gguf/llama-Q4_K_M.header, with
// what gguf 0.19's GGUFReader says of it beside it.
#include "../../../core/src/checkpoint/gguf/gguf_file.hpp"

#include <fstream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <garage/model.hpp>

#include "../../../core/src/checkpoint/gguf/split_name.hpp"
#include "gguf_bytes.hpp"
#include "is_error.hpp"
#include "places.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kF32 = 0, kQ4_0 = 2, kQ4_K = 12;
constexpr auto kLargest = std::uint64_t{1} << 63;  // beyond int64

GgufFile read(const std::string& bytes, std::uint64_t size = 0) {
  const TemporaryFolder folder;
  write_text(folder / "model.gguf", bytes);
  if (size > bytes.size()) fs::resize_file(folder / "model.gguf", size);
  return read_gguf_file(folder / "model.gguf");
}

std::string zeros(std::size_t bytes) { return std::string(bytes, '\0'); }

// What a model's file has, in small.
GgufBytes small(bool big_endian = false) {
  GgufBytes file(big_endian);
  return file.pair("general.architecture", "llama")
      .pair("llama.block_count", 2U)
      .pair("llama.rope.freq_base", 1e4F)
      .tensor("token_embd.weight", {32, 3}, kQ4_0, zeros(54))
      .tensor("output_norm.weight", {5}, kF32, zeros(20));
}

template <class Kind>
Kind value(const GgufFile& file, std::string_view key) {
  return std::get<Kind>(file.metadata.find(key)->second);
}

// "w Q4_0 [3, 32]" of each.
std::vector<std::string> tensors_of(const GgufFile& file) {
  std::vector<std::string> texts;
  for (const auto& tensor : file.tensors) texts.push_back(fmt::format("{} {} {}", tensor.name, tensor.type->name, shape_text(tensor.shape)));
  return texts;
}

// One tensor, which says what it likes.
std::string with_tensor(const std::vector<std::uint64_t>& dimensions, std::uint32_t type = kF32) {
  return GgufBytes().tensor("w", dimensions, type, "").file();
}
// One pair, which says what it likes and has what it says.
std::string with_pair(std::uint32_t type, const std::string& value) { return GgufBytes().pair("k", type, value).file(); }

std::string nested(const GgufBytes& pieces, int depth) {
  std::string value;
  for (int i = 1; i < depth; ++i) value += pieces.array(GgufBytes::kArray, 1);
  return value + pieces.array(GgufBytes::kInt8, 2) + "ab";
}

}  // namespace

TEST_CASE("gguf: a header says what is in the file, and where", "[checkpoint][gguf]") {
  const bool big_endian = GENERATE(false, true);
  const auto bytes = small(big_endian).file();
  const auto file = read(bytes);
  CHECK(file.version == 3);
  CHECK(file.big_endian == big_endian);
  CHECK(file.alignment == 32);
  CHECK(file.file_size == bytes.size());
  CHECK(value<std::string>(file, "general.architecture") == "llama");
  CHECK(value<std::uint64_t>(file, "llama.block_count") == 2);
  CHECK(value<double>(file, "llama.rope.freq_base") == 1e4);
  CHECK(tensors_of(file) == std::vector<std::string>{"token_embd.weight Q4_0 [3, 32]", "output_norm.weight F32 [5]"});
  CHECK(file.data_begin == bytes.size() - 64 - 20);
  CHECK(file.tensors[0].offset == file.data_begin);
  CHECK(file.tensors[0].size == 54);
  CHECK(file.tensors[1].offset == file.data_begin + 64);
  CHECK(file.tensors[1].size == 20);
}

TEST_CASE("gguf: what llama-quantize wrote is read as gguf reads it", "[checkpoint][gguf]") {
  const auto file = read(read_text(test_data("gguf/llama-Q4_K_M.header")), 457'440);
  std::string table;
  for (const auto& tensor : file.tensors)
    table += fmt::format("{}\t{}\t{}\t{}\t{}\n", tensor.name, tensor.type->name, fmt::join(tensor.shape, ","), tensor.offset, tensor.size);
  CHECK(table == read_text(test_data("gguf/llama-Q4_K_M.tensors.tsv")));
  CHECK(file.metadata.size() == 20);
  CHECK(value<double>(file, "llama.attention.layer_norm_rms_epsilon") == 9.999999974752427e-07);
  CHECK(value<std::uint64_t>(file, "general.file_type") == 15);
  CHECK(value<GgufArray>(file, "tokenizer.ggml.tokens").count == 64);
  CHECK(std::get<std::vector<std::int64_t>>(value<GgufArray>(file, "tokenizer.ggml.token_type").elements) == std::vector<std::int64_t>(64, 1));
}

TEST_CASE("gguf: values are read as the widest of their kind", "[checkpoint][gguf]") {
  const GgufBytes pieces(GENERATE(false, true));
  auto bytes = pieces;
  bytes.pair("u8", GgufBytes::kUint8, pieces.number(std::uint8_t{200}))
      .pair("i8", GgufBytes::kInt8, pieces.number(std::int8_t{-100}))
      .pair("u16", GgufBytes::kUint16, pieces.number(std::uint16_t{60000}))
      .pair("i16", GgufBytes::kInt16, pieces.number(std::int16_t{-30000}))
      .pair("u32", GgufBytes::kUint32, pieces.number(std::uint32_t{4000000000}))
      .pair("i32", GgufBytes::kInt32, pieces.number(std::int32_t{-2000000000}))
      .pair("u64", GgufBytes::kUint64, pieces.number(std::uint64_t{18000000000000000000U}))
      .pair("i64", GgufBytes::kInt64, pieces.number(std::int64_t{-9000000000000000000}))
      .pair("f32", GgufBytes::kFloat32, pieces.number(0.1F))
      .pair("f64", GgufBytes::kFloat64, pieces.number(0.1))
      .pair("yes", true)
      .pair("no", false)
      .pair("text", "a\xC3\xA4")
      .pair("empty", "")
      .pair("latin", "a\xE4");
  const auto file = read(bytes.file());
  CHECK(value<std::uint64_t>(file, "u8") == 200);
  CHECK(value<std::int64_t>(file, "i8") == -100);
  CHECK(value<std::uint64_t>(file, "u16") == 60000);
  CHECK(value<std::int64_t>(file, "i16") == -30000);
  CHECK(value<std::uint64_t>(file, "u32") == 4000000000);
  CHECK(value<std::int64_t>(file, "i32") == -2000000000);
  CHECK(value<std::uint64_t>(file, "u64") == 18000000000000000000U);
  CHECK(value<std::int64_t>(file, "i64") == -9000000000000000000);
  CHECK(value<double>(file, "f32") == static_cast<double>(0.1F));
  CHECK(value<double>(file, "f64") == 0.1);
  CHECK(value<bool>(file, "yes"));
  CHECK_FALSE(value<bool>(file, "no"));
  CHECK(value<std::string>(file, "text") == "a\xC3\xA4");
  CHECK(value<std::string>(file, "empty").empty());
  CHECK(value<std::string>(file, "latin") == "a%E4");
}

TEST_CASE("gguf: of arrays the numbers are kept, where they are not too many", "[checkpoint][gguf]") {
  const GgufBytes pieces;
  auto bytes = pieces;
  bytes.pair("shorts", GgufBytes::kArray, pieces.array(GgufBytes::kInt16, 2) + pieces.number(std::int16_t{-1}) + pieces.number(std::int16_t{2}))
      .pair("floats", GgufBytes::kArray, pieces.array(GgufBytes::kFloat32, 1) + pieces.number(0.5F))
      .pair("flags", GgufBytes::kArray, pieces.array(GgufBytes::kBool, 3) + "\0\1\1"s)
      .pair("none", GgufBytes::kArray, pieces.array(GgufBytes::kUint32, 0))
      .pair("most", GgufBytes::kArray, pieces.array(GgufBytes::kUint8, 65'536) + std::string(65'536, '\7'))
      .pair("many", GgufBytes::kArray, pieces.array(GgufBytes::kUint8, 65'537) + std::string(65'537, '\7'))
      .pair("texts", GgufBytes::kArray, pieces.array(GgufBytes::kText, 2) + pieces.text("a") + pieces.text("\xFF"))
      .pair("arrays", GgufBytes::kArray, nested(pieces, 4))
      .pair("after", 7U);
  const auto file = read(bytes.file());
  const auto array = [&](std::string_view key) { return value<GgufArray>(file, key); };
  CHECK(array("shorts").type == GgufValueType::kInt16);
  CHECK(std::get<std::vector<std::int64_t>>(array("shorts").elements) == std::vector<std::int64_t>{-1, 2});
  CHECK(std::get<std::vector<double>>(array("floats").elements) == std::vector<double>{0.5});
  CHECK(std::get<std::vector<bool>>(array("flags").elements) == std::vector<bool>{false, true, true});
  CHECK(std::get<std::vector<std::uint64_t>>(array("none").elements).empty());
  CHECK(std::get<std::vector<std::uint64_t>>(array("most").elements) == std::vector<std::uint64_t>(65'536, 7));
  for (const auto& [key, type, count] : {std::tuple{"many", GgufValueType::kUint8, 65'537U}, std::tuple{"texts", GgufValueType::kText, 2U},
                                         std::tuple{"arrays", GgufValueType::kArray, 1U}}) {
    INFO(key);
    CHECK(array(key).type == type);
    CHECK(array(key).count == count);
    CHECK(std::holds_alternative<std::monostate>(array(key).elements));
  }
  CHECK(value<std::uint64_t>(file, "after") == 7);
}

TEST_CASE("gguf: arrays stop being kept where all of them have a million elements", "[checkpoint][gguf]") {
  const GgufBytes pieces;
  auto bytes = pieces;
  for (int i = 0; i < 17; ++i) bytes.pair(fmt::format("k{:02}", i), GgufBytes::kArray, pieces.array(GgufBytes::kUint8, 65'536) + zeros(65'536));
  const auto file = read(bytes.file());
  CHECK(value<GgufArray>(file, "k15").elements.index() != 0);
  CHECK(value<GgufArray>(file, "k16").elements.index() == 0);
  CHECK(value<GgufArray>(file, "k16").count == 65'536);
}

TEST_CASE("gguf: a vocabulary that is larger than what is read at once is passed over", "[checkpoint][gguf]") {
  const GgufBytes pieces;
  std::string tokens = pieces.array(GgufBytes::kText, 100'000);
  for (int i = 0; i < 100'000; ++i) tokens += pieces.text(std::string(static_cast<std::size_t>(i % 23), 't'));
  const auto file = read(small().pair("tokenizer.ggml.tokens", GgufBytes::kArray, tokens).pair("long", std::string(1'000'000, 'x')).file());
  CHECK(value<GgufArray>(file, "tokenizer.ggml.tokens").count == 100'000);
  CHECK(value<std::string>(file, "long") == std::string(1'000'000, 'x'));
  CHECK(file.tensors.size() == 2);
}

TEST_CASE("gguf: what llama.cpp accepts is accepted", "[checkpoint][gguf]") {
  struct Case { const char* title; std::string bytes; std::size_t tensors; };
  const auto c = GENERATE(values<Case>({
      {"version 2", small().version(2).file(), 2},
      {"nothing", GgufBytes().file(), 0},
      {"metadata alone, and no padding behind them", GgufBytes().pair("a", 1U).header(), 0},
      {"a larger alignment", GgufBytes().alignment(4096).tensor("a", {1}, kF32, zeros(4)).tensor("b", {1}, kF32, zeros(4)).file(), 2},
      {"an alignment of 1", GgufBytes().alignment(1).tensor("a", {1}, 24, zeros(1)).tensor("b", {1}, kF32, zeros(4)).file(), 2},
      {"no padding behind the last tensor", small().file(), 2},
      {"padding behind the last tensor", small().file() + zeros(12), 2},
      {"more behind it", small().file() + zeros(1000), 2},
      {"a scalar", GgufBytes().tensor("a", {}, kF32, zeros(4)).file(), 1},
      {"four dimensions", GgufBytes().tensor("a", {32, 1, 2, 3}, kQ4_0, zeros(108)).file(), 1},
      {"a tensor that nobody decodes", GgufBytes().tensor("a", {32}, 9, zeros(36)).file(), 1},
  }));
  DYNAMIC_SECTION(c.title) { CHECK(read(c.bytes).tensors.size() == c.tensors); }
}

TEST_CASE("gguf: a broken header is refused", "[checkpoint][gguf]") {
  const GgufBytes p;
  struct Case { const char* title; std::string bytes; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"nothing", "", "has 0 bytes, a GGUF file needs at least 24"},
      {"no GGUF", "GGUX" + zeros(20), "begins with the bytes 47 47 55 58, a GGUF file with 47 47 55 46, 'GGUF'"},
      {"no version", "GGUF", "its version needs 4 bytes from byte 4 on, the file has 0 there: it is cut off"},
      {"more tensors than the file has room for", small().tensors(100).file(), "tensors, the"},
      {"tensors without end", small().tensors(~std::uint64_t{0}).file(), "says 18446744073709551615 tensors, the"},
      {"more metadata than the file has room for", GgufBytes().pairs(1).header(), "says 1 pairs of metadata, the 0 bytes that the file has left hold 0 at most"},
      {"metadata without end", small().pairs(~std::uint64_t{0}).file(), "says 18446744073709551615 pairs of metadata, the"},
      {"one pair too many", small().pairs(4).file(), "it is cut off, or broken"},
      {"an empty key", GgufBytes().pair("", 1U).file() + zeros(32), "metadata 0 has an empty name"},
      {"a long key", GgufBytes().pair(std::string(65'536, 'k'), 1U).file(), "metadata 0 has a name of 65536 bytes, at most 65535 are allowed"},
      {"a key of other bytes", GgufBytes().pair("a\xFFz", 1U).file() + zeros(32), "metadata 0 has a name that is not UTF-8: 'a%FFz'"},
      {"a key twice", GgufBytes().pair("a", 1U).pair("a", 2U).file(), "metadata 'a' stands twice in the header"},
      {"a key beyond the end", "GGUF" + p.number(3U) + p.number(std::uint64_t{0}) + p.number(std::uint64_t{1}) + p.number(~std::uint64_t{0}) + zeros(9), "metadata 0 needs 18446744073709551615 bytes from byte 32 on, the file has 9 there"},
      {"a type that is none", with_pair(13, zeros(8)), "metadata 'k' has type 13, the types of GGUF are 0 to 12"},
      {"another type that is none", with_pair(~0U, zeros(8)), "metadata 'k' has type 4294967295"},
      {"a bool of 2", with_pair(GgufBytes::kBool, "\2"), "metadata 'k' has 2 for a bool, should be 0 or 1"},
      {"a bool of 255 in an array", with_pair(GgufBytes::kArray, p.array(GgufBytes::kBool, 2) + "\1\xff"), "metadata 'k' has 255 for a bool"},
      {"a text beyond the end", with_pair(GgufBytes::kText, p.number(std::uint64_t{1000}) + zeros(10)), "metadata 'k' needs 1000 bytes from byte 45 on, the file has 19 there: it is cut off"},
      {"a text without end", with_pair(GgufBytes::kText, p.number(~std::uint64_t{0}) + zeros(10)), "metadata 'k' needs 18446744073709551615 bytes"},
      {"an array of a type that is none", with_pair(GgufBytes::kArray, p.array(77, 1) + zeros(8)), "metadata 'k' is an array of type 77, the types of GGUF are 0 to 12"},
      {"an array beyond the end", with_pair(GgufBytes::kArray, p.array(GgufBytes::kUint32, 100) + zeros(4)), "metadata 'k' is an array of 100 uint32, the 15 bytes that the file has left hold 3 at most"},
      {"an array without end", with_pair(GgufBytes::kArray, p.array(GgufBytes::kUint64, (std::uint64_t{1} << 61) + 1) + zeros(8)), "metadata 'k' is an array of 2305843009213693953 uint64"},
      {"texts without end", with_pair(GgufBytes::kArray, p.array(GgufBytes::kText, ~std::uint64_t{0}) + zeros(8)), "metadata 'k' is an array of 18446744073709551615 text"},
      {"texts of which one is beyond the end", with_pair(GgufBytes::kArray, p.array(GgufBytes::kText, 2) + p.text("ab") + p.number(std::uint64_t{99})), "metadata 'k' needs 99 bytes"},
      {"arrays in arrays beyond the end", with_pair(GgufBytes::kArray, p.array(GgufBytes::kArray, 3) + p.array(GgufBytes::kInt8, 1) + "a"), "metadata 'k' is an array of 3 array"},
      {"arrays in arrays in arrays", with_pair(GgufBytes::kArray, nested(p, 6)), "metadata 'k' has arrays in arrays, more than 4 deep"},
      {"an alignment of another type", GgufBytes().pair("general.alignment", GgufBytes::kUint64, p.number(std::uint64_t{32})).file(), "metadata 'general.alignment' is of type uint64, should be uint32"},
      {"an alignment of 0", GgufBytes().pair("general.alignment", 0U).file(), "metadata 'general.alignment' is 0, should be a power of two"},
      {"an alignment of 48", GgufBytes().pair("general.alignment", 48U).file(), "metadata 'general.alignment' is 48"},
      {"a tensor without a name", GgufBytes().tensor("", {1}, kF32, zeros(40)).file(), "tensor 0 has an empty name"},
      {"a tensor of other bytes", GgufBytes().tensor("\xC0\x80", {1}, kF32, zeros(40)).file(), "tensor 0 has a name that is not UTF-8: '%C0%80'"},
      {"a tensor twice", GgufBytes().tensor("a", {1}, kF32, zeros(4)).tensor("b", {1}, kF32, zeros(4)).tensor("a", {1}, kF32, zeros(4)).file(), "tensor 'a' stands twice in the header"},
      {"five dimensions", with_tensor({1, 1, 1, 1, 1}), "tensor 'w' has 5 dimensions, at most 4 are allowed"},
      {"a dimension of 0", with_tensor({4, 0}), "tensor 'w' has no numbers: its dimension 1 is 0"},
      {"a dimension beyond int64", with_tensor({kLargest}), "tensor 'w' has 9223372036854775808 for its dimension 0, at most 9223372036854775807 is allowed"},
      {"a product beyond int64", with_tensor({std::uint64_t{1} << 32, std::uint64_t{1} << 31}), "tensor 'w' has shape [2147483648, 4294967296] of F32, whose size overflows 64 bits"},
      {"bytes beyond 64 bits", with_tensor({std::uint64_t{1} << 62}), "tensor 'w' has shape [4611686018427387904] of F32, whose size overflows 64 bits"},
      {"a row that is no whole block", with_tensor({33, 32}, kQ4_0), "tensor 'w' has rows of 33 numbers, which are no whole blocks of Q4_0: 32 each"},
      {"a row that is half a block", with_tensor({128, 2}, kQ4_K), "tensor 'w' has rows of 128 numbers, which are no whole blocks of Q4_K: 256 each"},
      {"a scalar in blocks", with_tensor({}, kQ4_0), "tensor 'w' has rows of 1 numbers, which are no whole blocks of Q4_0"},
      {"an offset that is not aligned", GgufBytes().tensor("a", {1}, kF32, zeros(4)).tensor("b", {1}, kF32, zeros(4), 33).file(), "tensor 'b' begins at byte 33 of the data, which is no multiple of the alignment, 32"},
      {"an overlap", GgufBytes().tensor("a", {1}, kF32, zeros(4)).tensor("b", {1}, kF32, zeros(4), 0).file(), "tensor 'b' begins at byte 0 of the data, should begin at byte 32: it overlaps others"},
      {"a hole", GgufBytes().tensor("a", {1}, kF32, zeros(4)).tensor("b", {1}, kF32, zeros(40), 64).file(), "tensor 'b' begins at byte 64 of the data, should begin at byte 32: there is a hole before it"},
      {"a hole before the first", GgufBytes().tensor("a", {1}, kF32, zeros(40), 32).file(), "tensor 'a' begins at byte 32 of the data, should begin at byte 0: there is a hole"},
      {"an offset without end", GgufBytes().tensor("a", {1}, kF32, zeros(4), ~std::uint64_t{31}).file(), "tensor 'a' begins at byte 18446744073709551584 of the data"},
      {"tensors in another order", GgufBytes().tensor("a", {1}, kF32, zeros(4), 32).tensor("b", {1}, kF32, zeros(4), 0).file(), "tensor 'a' begins at byte 32 of the data"},
      {"a tensor beyond the end", GgufBytes().tensor("a", {100}, kF32, zeros(399)).file(), "tensor 'a' needs 400 bytes from byte 64 on, the file ends at byte 463: it is cut off"},
      {"a large tensor beyond the end", GgufBytes().tensor("a", {std::uint64_t{1} << 60}, kF32, zeros(9)).file(), "tensor 'a' needs 4611686018427387904 bytes from byte 64 on"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read(c.bytes), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("gguf: what is sound and not read here is refused by its name", "[checkpoint][gguf]") {
  const GgufBytes big(true);
  struct Case { const char* title; std::string bytes; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"version 1", small().version(1).file(), "is of GGUF's version 1, and 2 and 3 are read, here and by llama.cpp: convert the model anew"},
      {"version 4", small().version(4).file(), "is of GGUF's version 4, and 2 and 3 are read"},
      {"version 0", small().version(0).file(), "is of GGUF's version 0"},
      {"version 1 of a big-endian file", small(true).version(1).file(), "is of GGUF's version 1, and 2 and 3 are read, here"},
      {"version 4 of a big-endian file", small(true).version(4).file(), "is of GGUF's version 4"},
      {"an unknown type", with_tensor({32}, 99), "tensor 'w' is of ggml's type 99, none of the 35 that this version knows"},
      {"a type that was taken back", with_tensor({32}, 4), "tensor 'w' is of ggml's type 4"},
      {"a type that is negative", with_tensor({32}, ~0U), "tensor 'w' is of ggml's type 4294967295"},
      {"ggml's form before GGUF", "tjgg\3\0\0\0"s + zeros(40), "is a file of ggml's from before GGUF"},
      {"a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "is a Git LFS pointer to a file of 12 bytes"},
      {"an archive", "PK\3\4" + zeros(40), "is a zip archive"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read(c.bytes), Error, is_error(Errc::kUnsupported, c.says)); }
}

TEST_CASE("gguf: a file that ends too soon is refused wherever it ends", "[checkpoint][gguf]") {
  const GgufBytes pieces;
  const auto whole = small().pair("l", GgufBytes::kArray, pieces.array(GgufBytes::kText, 2) + pieces.text("a") + pieces.text("bc"))
                         .pair("n", GgufBytes::kArray, nested(pieces, 3)).pair("f", GgufBytes::kArray, pieces.array(GgufBytes::kBool, 2) + "\0\1"s).file();
  REQUIRE(read(whole).tensors.size() == 2);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size << " of " << whole.size() << " bytes");
    CHECK_THROWS_MATCHES(read(whole.substr(0, size)), Error, is_error(Errc::kCorrupt, ""));
  }
}

TEST_CASE("gguf: of a header at most 100 MB are read, whatever the file says", "[checkpoint][gguf]") {
  const GgufBytes pieces;
  const auto head = "GGUF" + pieces.number(3U) + pieces.number(std::uint64_t{0}) + pieces.number(std::uint64_t{1}) + pieces.text("k");
  const auto size = std::uint64_t{1} << 40;  // a hole
  struct Case { const char* title; std::string bytes; const char* says; };
  const auto c = GENERATE_COPY(values<Case>({
      {"a text", head + pieces.number(GgufBytes::kText) + pieces.number(std::uint64_t{100'000'000}), "metadata 'k' needs 100000000 bytes from byte 45 on, and of a header at most 100000000 are read"},
      {"an array", head + pieces.number(GgufBytes::kArray) + pieces.array(GgufBytes::kUint8, std::uint64_t{1} << 39), "metadata 'k' needs 549755813888 bytes from byte 49 on, and of a header"},
      {"texts", head + pieces.number(GgufBytes::kArray) + pieces.array(GgufBytes::kText, std::uint64_t{1} << 36), "metadata 'k' needs 8 bytes from byte"},
      {"pairs", "GGUF" + pieces.number(3U) + pieces.number(std::uint64_t{0}) + pieces.number(std::uint64_t{65'537}), "says 65537 pairs of metadata, at most 65536 are read"},
      {"tensors", "GGUF" + pieces.number(3U) + pieces.number(std::uint64_t{1'048'577}) + pieces.number(std::uint64_t{0}), "says 1048577 tensors, at most 1048576 are read"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read(c.bytes, size), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("gguf: the digest is of the header and of nothing else", "[checkpoint][gguf]") {
  const auto bytes = small().file();
  const auto size = small().header().size();
  const auto digest = read(bytes).digest;
  const auto changed = [&](std::size_t at) {
    auto other = bytes;
    other[at] = static_cast<char>(other[at] ^ 1);
    return read(other).digest;
  };
  CHECK(digest == read(bytes + "more").digest);
  CHECK(digest == changed(size));              // padding
  CHECK(digest == changed(bytes.size() - 1));  // data
  CHECK(digest != changed(bytes.find("llama")));
  CHECK(digest != changed(bytes.find("output_norm")));
  CHECK(digest != read(small().version(2).file()).digest);
  CHECK(digest != read(small().pair("more", true).file()).digest);
}

TEST_CASE("gguf: a place that is no file is told from a broken one", "[checkpoint][gguf]") {
  const TemporaryFolder folder;
  CHECK_THROWS_MATCHES(read_gguf_file(folder / "none.gguf"), Error, is_error(Errc::kNotFound, "none.gguf: cannot be opened"));
  CHECK_THROWS_MATCHES(read_gguf_file(folder.path()), Error, is_error(Errc::kIo, "is no regular file"));
}

TEST_CASE("gguf: the name of a file of several says which one it is", "[checkpoint][gguf]") {
  const auto name = split_name("llama-70b-Q4_K_M-00002-of-00003.gguf");
  REQUIRE(name);
  CHECK(name->prefix == "llama-70b-Q4_K_M");
  CHECK(name->number == 2);
  CHECK(name->count == 3);
  CHECK(name->file() == "llama-70b-Q4_K_M-00002-of-00003.gguf");
  CHECK(SplitName{"a", 1, 12}.file() == "a-00001-of-00012.gguf");
  CHECK(split_name("a-00001-of-00001.gguf"));
  for (const auto* other : {"", ".gguf", "a.gguf", "a-00001-of-00003", "a-00001-of-00003.safetensors", "a-1-of-3.gguf",
                            "a-00000-of-00003.gguf", "a-00004-of-00003.gguf", "a-00000-of-00000.gguf", "a00001-of-00003.gguf",
                            "a-00001-of-4294967295.gguf", "a-000001-of-00003.gguf", "a-00001-of-0000x.gguf", "-of-00003.gguf"})
    CHECK_FALSE(split_name(other));
}

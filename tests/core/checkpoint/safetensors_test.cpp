#include <garage/safetensors.hpp>

#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include "checkpoint_files.hpp"
#include "is_error.hpp"
#include "temporary_folder.hpp"

using namespace garage;
using namespace garage::test;
using namespace std::string_literals;

namespace {

std::string file(std::string_view header, std::size_t data_bytes) { return safetensors_head(header) + std::string(data_bytes, '\1'); }

SafetensorsHeader read(const std::string& bytes) {
  const TemporaryFolder folder;
  write_text(folder / "model.safetensors", bytes);
  return read_safetensors_header(folder / "model.safetensors");
}

std::string many_metadata(int count) {
  std::string header = R"({"__metadata__":{"x":"y")";
  for (int i = 0; i < count; ++i) header += fmt::format(R"(,"{}":"w")", i);
  return header + "}}";
}

std::string many_empty(int count) {
  std::string header = R"({"0":{})";
  for (int i = 1; i < count; ++i) header += fmt::format(R"(,"{}":{{}})", i);
  return header + "}";
}

}  // namespace

TEST_CASE("safetensors: a header says what is in the file, and where", "[checkpoint][safetensors]") {
  const auto header = read(file(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
                                R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 16));
  REQUIRE(header.entries.size() == 2);
  CHECK(header.entries[0].tensor.name == "a");
  CHECK(header.entries[0].tensor.shape.empty());
  CHECK(header.entries[1].tensor.name == "b");
  CHECK(header.entries[1].tensor.dtype == DType::kBF16);
  CHECK(header.entries[1].tensor.shape == std::vector<std::int64_t>{2, 3});
  CHECK(header.entries[1].begin == 4);
  CHECK(header.entries[1].end == 16);
  CHECK(header.metadata.at("format") == "pt");
  CHECK(header.data_begin == header.file_size - 16);
}

TEST_CASE("safetensors: what the specification's reader accepts is accepted", "[checkpoint][safetensors]") {
  struct Case { const char* title; std::string bytes; std::size_t tensors; };
  const auto c = GENERATE(values<Case>({
      {"an empty header", file("{}", 0), 0},
      {"padding before and after", file(" \n\t{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}    ", 1), 1},
      {"metadata alone", file(R"({"__metadata__":{"a":"b"}})", 0), 0},
      {"metadata that is null", file(R"({"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), 1},
      {"a zero-sized tensor", file(R"({"a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}})", 0), 1},
      {"two zero-sized tensors in one place",
       file(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 0), 2},
      {"a zero dimension beside the largest", file(R"({"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}})", 0), 1},
      {"fields that nobody knows", file(R"({"a":{"dtype":"U8","later":{"x":[1,{"dtype":"?"}]},"shape":[1],"data_offsets":[0,1]}})", 1), 1},
      {"half bytes that add up", file(R"({"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}})", 2), 1},
      {"names with escapes", file(R"({"a\"\u00e4\n":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), 1},
  }));
  DYNAMIC_SECTION(c.title) { CHECK(read(c.bytes).entries.size() == c.tensors); }
}

TEST_CASE("safetensors: a header says the same however it is spelt", "[checkpoint][safetensors]") {
  const auto header = GENERATE(values<std::string>({
      R"({"__metadata__":{"k":"v"},"ab":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]}})",
      R"({"__metadata__": {"k": "v"}, "ab": {"dtype": "U8", "shape": [1, 2], "data_offsets": [0, 2]}}   )",
      R"( { "__metadata__" : { "k" : "v" } , "ab" : { "dtype" : "U8" , "shape" : [ 1 , 2 ] , "data_offsets" : [ 0 , 2 ] } } )",
      "{\n\"__metadata__\":{\"k\":\"v\"},\n\"ab\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[0,2]}\n}\n",
      R"({"ab":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]},"__metadata__":{"k":"v"}})",
      R"({"__metadata__":{"k":"v"},"ab":{"data_offsets":[0,2],"dtype":"U8","shape":[1,2]}})",
      R"({"__metadata__":{"k":"v"},"ab":{"dtype":"U8","shape":[1,2],"later":0,"data_offsets":[0,2]}})",
      R"({"__metadata__":{"\u006b":"v"},"\u0061b":{"dtype":"U8","shape":[1,2],"data_offsets":[0,2]}})",
  }));
  CAPTURE(header);
  const auto found = read(file(header, 2));
  REQUIRE(found.entries.size() == 1);
  CHECK(found.entries[0].tensor.name == "ab");
  CHECK(found.entries[0].tensor.dtype == DType::kU8);
  CHECK(found.entries[0].tensor.shape == std::vector<std::int64_t>{1, 2});
  CHECK(found.entries[0].end == 2);
  CHECK(found.metadata == Model::Metadata{{"k", "v"}});
}

TEST_CASE("safetensors: every dtype of the specification is read", "[checkpoint][safetensors]") {
  // safetensors/src/tensor.rs, `Dtype`; 24 elements are whole bytes of each.
  struct Case { const char* name; int bits; };
  const auto c = GENERATE(values<Case>({{"BOOL", 8}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8}, {"I8", 8},
                                        {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
                                        {"I16", 16}, {"U16", 16}, {"F16", 16}, {"BF16", 16}, {"I32", 32}, {"U32", 32},
                                        {"F32", 32}, {"C64", 64}, {"F64", 64}, {"I64", 64}, {"U64", 64}}));
  const auto size = static_cast<std::size_t>(24 * c.bits / 8);
  const auto header = read(file(R"({"a":{"dtype":")" + std::string(c.name) + R"(","shape":[24],"data_offsets":[0,)" + std::to_string(size) + "]}}", size));
  CHECK(to_string(header.entries.at(0).tensor.dtype) == c.name);
}

TEST_CASE("safetensors: a broken header is refused", "[checkpoint][safetensors]") {
  struct Case { const char* title; std::string bytes; const char* says; };
  const auto c = GENERATE(values<Case>({
      {"empty file", "", "has 0 bytes, a safetensors file needs at least 8 bytes"},
      {"seven bytes", "1234567", "has 7 bytes"},
      {"length past the end", "\xff\0\0\0\0\0\0\0{}"s, "header says 255 bytes, the file has 2 after the length"},
      {"length past the end by one", "\3\0\0\0\0\0\0\0{}"s, "header says 3 bytes, the file has 2"},
      {"length above the limit", "\1\xe1\xf5\5\0\0\0\0{}"s, "header says 100000001 bytes, at most 100000000"},
      {"length that wraps around", "\xf8\xff\xff\xff\xff\xff\xff\xff{}"s, "header says 18446744073709551608 bytes, at most"},
      {"the specification's own huge length", "<\0\0\0\0\xff\xff\xff"s, "at most 100000000 are allowed"},
      {"no JSON", file("hello", 0), "no JSON object: it begins with byte 0x68"},
      {"no UTF-8", "\1\0\0\0\0\0\0\0\xff"s, "begins with byte 0xff"},
      {"no UTF-8 in a name", file("{\"\xff\xfe\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "not valid JSON at line 1"},
      {"an array", file("[]", 0), "no JSON object"},
      {"nothing but padding", file("    ", 0), "not valid JSON"},
      {"no header at all", file("", 0), "it is empty"},
      {"cut JSON", file(R"({"a":{"dtype":"F32")", 0), "not valid JSON"},
      {"two objects", file("{}{}", 0), "not valid JSON at line 1, column 3"},
      {"nested a million deep", file(std::string(1000000, '['), 0), "no JSON object"},
      {"nested a million deep in a field", file(R"({"a":{"x":)" + std::string(1000000, '['), 0), "nested deeper than 64 levels"},
      {"metadata of a number", file(R"({"__metadata__":{"a":1}})", 0), "__metadata__ maps 'a' to a number, should be a string"},
      {"metadata of an object", file(R"({"__metadata__":{"a":{}}})", 0), "__metadata__ maps 'a' to an object"},
      {"metadata that is a list", file(R"({"__metadata__":[]})", 0), "__metadata__ is an array"},
      {"metadata that is true", file(R"({"__metadata__":true})", 0), "__metadata__ is true or false"},
      {"a tensor that is null", file(R"({"a":null})", 0), "tensor 'a' is null"},
      {"metadata twice, once null", file(R"({"__metadata__":null,"__metadata__":{}})", 0), "has '__metadata__' twice"},
      {"metadata twice", file(R"({"__metadata__":{},"__metadata__":{}})", 0), "has '__metadata__' twice"},
      {"metadata of 3 MB for no tensor", file(R"({"__metadata__":{"a":")" + std::string(3'000'000, 'x') + R"("}})", 0), "__metadata__ has more than 1423579 bytes, the most that are read in a header of this size"},
      {"metadata of a million names", file(many_metadata(1'000'000), 0), "__metadata__ has more than"},
      {"a million empty tensors", file(many_empty(1'000'000), 0), "tensor '0' has no 'dtype'"},
      {"a metadata key twice", file(R"({"__metadata__":{"a":"1","a":"2"}})", 0), "__metadata__ has 'a' twice"},
      {"a tensor that is a number", file(R"({"a":1})", 0), "tensor 'a' is a number, should be an object"},
      {"a tensor that is null", file(R"({"a":null})", 0), "tensor 'a' is null, should be an object"},
      {"no dtype", file(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4), "tensor 'a' has no 'dtype'"},
      {"no shape", file(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), "tensor 'a' has no 'shape'"},
      {"no offsets", file(R"({"a":{"dtype":"F32","shape":[1]}})", 4), "tensor 'a' has no 'data_offsets'"},
      {"a dtype that is a number", file(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4), "tensor 'a' has a number for its dtype"},
      {"a shape that is a number", file(R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4), "tensor 'a' has a number for its shape"},
      {"a dimension with a fraction", file(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4), "a number with a fraction in its shape"},
      {"a negative dimension", file(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "tensor 'a' has -1 in its shape"},
      {"a dimension that is text", file(R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4), "a string in its shape"},
      {"a shape of shapes", file(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4), "an array in its shape"},
      {"a dimension above 64 bits", file(R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4), "tensor 'a' has a number beyond 64 bits in its shape"},
      {"a dimension that begins with 0", file(R"({"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}})", 1), "not valid JSON at line 1, column 30"},
      {"a comma after the last", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},})", 1), "not valid JSON"},
      {"a comma too many in a shape", file(R"({"a":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}})", 1), "not valid JSON"},
      {"text after the header", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} x)", 1), "not valid JSON"},
      {"a line break in a name", file("{\"a\n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1), "not valid JSON"},
      {"metadata twice, both with something", file(R"({"__metadata__":{"a":"1"},"__metadata__":{"b":"2"}})", 0), "has '__metadata__' twice"},
      {"one offset", file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}})", 4), "tensor 'a' has 1 data_offsets, should be 2"},
      {"three offsets", file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4), "has 3 data_offsets, should be 2"},
      {"a negative offset", file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4), "tensor 'a' has -4 in its data_offsets"},
      {"an end before its begin", file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4), "data_offsets [4, 0]: it ends before it begins"},
      {"a field twice", file(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4), "tensor 'a' has 'dtype' twice"},
      {"a tensor twice", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), "tensor 'a' stands twice"},
      {"a tensor twice in one place", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1), "tensor 'a' stands twice"},
      {"an empty tensor twice", file(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0), "tensor 'a' stands twice"},
      {"a hole at the start", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), "tensor 'a' begins at byte 1 of the data, the one before it ends at 0: there is a hole"},
      {"a hole between", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3), "tensor 'b' begins at byte 2 of the data, the one before it ends at 1"},
      {"an overlap", file(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3), "tensor 'b' begins at byte 1 of the data, the one before it ends at 2: they overlap"},
      {"many tensors on one range", file(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2), "they overlap"},
      {"a size that is too small", file(R"({"a":{"dtype":"F32","shape":[32,32],"data_offsets":[0,4000]}})", 4000), "tensor 'a' of shape [32, 32] needs 4096 bytes, its data_offsets hold 4000"},
      {"a size that is too large", file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8), "needs 4 bytes, its data_offsets hold 8"},
      {"a shape that overflows", file(R"({"a":{"dtype":"F32","shape":[2,18446744073709551614],"data_offsets":[0,16]}})", 16), "shape [2, 18446744073709551614], whose size overflows"},
      {"a size that overflows", file(R"({"a":{"dtype":"F32","shape":[2,9223372036854775807],"data_offsets":[0,16]}})", 16), "overflows 64 bits"},
      {"half a byte", file(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2), "12 bits, which is no whole number of bytes"},
      {"six bits", file(R"({"a":{"dtype":"F6_E2M3","shape":[3],"data_offsets":[0,2]}})", 2), "18 bits"},
      {"bytes after the data", file(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2), "tensors take 1 bytes, the file has 2 after the header: it is too long"},
      {"a file cut off", file(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 3), "tensors take 4 bytes, the file has 3 after the header: it is cut off"},
      {"data without tensors", file("{}", 1), "take 0 bytes, the file has 1"},
  }));
  DYNAMIC_SECTION(c.title) { CHECK_THROWS_MATCHES(read(c.bytes), Error, is_error(Errc::kCorrupt, c.says)); }
}

TEST_CASE("safetensors: metadata in proportion to the tensors is read", "[checkpoint][safetensors][bomb]") {
  // 15,000 names of tied tensors, and a text as long as some trainers write.
  std::vector<TensorInfo> tensors;
  Model::Metadata metadata = {{"format", "pt"}, {"recipe", std::string(100'000, 'r')}};
  for (int i = 0; i < 15'000; ++i) {
    tensors.push_back({fmt::format("model.layers.{}.self_attn.q_proj.weight", i), DType::kF32, {1}});
    metadata[fmt::format("decoder.{}.weight", i)] = tensors.back().name;
  }
  const TemporaryFolder folder;
  write_safetensors(folder / "model.safetensors", tensors, metadata);
  CHECK(read_safetensors_header(folder / "model.safetensors").metadata.size() == 15'002);
}

TEST_CASE("safetensors: a dtype that this version does not know is unsupported, not corrupt", "[checkpoint][safetensors]") {
  CHECK_THROWS_MATCHES(read(file(R"({"model.w":{"dtype":"F2","shape":[4],"data_offsets":[0,1]}})", 1)), Error,
                       is_error(Errc::kUnsupported, "tensor 'model.w' has dtype 'F2'"));
}

TEST_CASE("safetensors: a refusal names the file", "[checkpoint][safetensors]") {
  const TemporaryFolder folder;
  write_text(folder / "odd.safetensors", "x");
  CHECK_THROWS_MATCHES(read_safetensors_header(folder / "odd.safetensors"), Error, is_error(Errc::kCorrupt, (folder / "odd.safetensors").string()));
}

TEST_CASE("safetensors: what is no regular file is refused without waiting for it", "[checkpoint][safetensors]") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_MATCHES(read_safetensors_header(folder / "pipe"), Error, is_error(Errc::kIo, "is no regular file"));
  CHECK_THROWS_MATCHES(read_safetensors_header(folder.path()), Error, is_error(Errc::kIo, "is no regular file"));
  CHECK_THROWS_MATCHES(read_safetensors_header(folder / "absent"), Error, is_error(Errc::kNotFound, "absent: cannot be opened"));
}

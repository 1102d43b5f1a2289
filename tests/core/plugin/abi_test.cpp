// The layout that plugin binaries were built with. A change here is a new major.
#include <garage/abi.h>

#include <cstddef>
#include <type_traits>

#include <catch2/catch_test_macros.hpp>

#define AT(type, field, offset) static_assert(offsetof(type, field) == (offset))

AT(garage_str, data, 0); AT(garage_str, size, 8);
static_assert(sizeof(garage_str) == 16);

AT(garage_tensor, name, 0); AT(garage_tensor, dtype, 16); AT(garage_tensor, shape, 32); AT(garage_tensor, rank, 40);
AT(garage_tensor, reserved0, 44);
static_assert(sizeof(garage_tensor) == 48);

AT(garage_model, struct_size, 0); AT(garage_model, tensor_stride, 4); AT(garage_model, model_id, 8);
AT(garage_model, config_json, 24); AT(garage_model, tensors, 40); AT(garage_model, tensor_count, 48);
AT(garage_model, metadata_json, 56);
static_assert(sizeof(garage_model) == 72);

AT(garage_detection, struct_size, 0); AT(garage_detection, score, 4); AT(garage_detection, family, 8);
AT(garage_detection, reason, 72);
static_assert(sizeof(garage_detection) == 328);

AT(garage_writer, struct_size, 0); AT(garage_writer, reserved0, 4); AT(garage_writer, context, 8); AT(garage_writer, write, 16);
static_assert(sizeof(garage_writer) == 24);

AT(garage_error, struct_size, 0); AT(garage_error, code, 4); AT(garage_error, message, 8);
static_assert(sizeof(garage_error) == 1032);

AT(garage_plugin, struct_size, 0); AT(garage_plugin, abi_major, 4); AT(garage_plugin, abi_minor_required, 6);
AT(garage_plugin, info_json, 8); AT(garage_plugin, detect, 24); AT(garage_plugin, decompose, 32);
AT(garage_plugin, get_extension, 40);
static_assert(sizeof(garage_plugin) == 48);

TEST_CASE("abi: structs are plain C, laid out as released", "[plugin][abi]") {
  // The assertions above are the test; what is left is that C++ added nothing.
  CHECK(std::is_trivial_v<garage_model>);
  CHECK(std::is_standard_layout_v<garage_plugin>);
  CHECK(GARAGE_ABI_MAJOR == 1);
}

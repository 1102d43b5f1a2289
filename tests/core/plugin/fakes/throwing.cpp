// A plugin by hand that breaks the first rule of the boundary.
#include <garage/abi.h>

#include <stdexcept>

namespace {

constexpr char kInfo[] = R"({"name": "throwing", "version": "1.0", "license": "", "url": "", "families": ["fake"], "priority": 500})";

int32_t detect(const garage_model*, garage_detection*, garage_error*) { throw std::runtime_error("caught you"); }
int32_t decompose(const garage_model*, const garage_writer*, garage_error*) { throw 7; }

}  // namespace

extern "C" GARAGE_EXPORT const garage_plugin* garage_plugin_v1(void) {
  static const garage_plugin table = {sizeof(garage_plugin), 1, 0, {kInfo, sizeof kInfo - 1}, &detect, &decompose, nullptr};
  return &table;
}

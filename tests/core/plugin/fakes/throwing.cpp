// A plugin by hand that breaks the first rule of the boundary.
#include <garage/abi.h>

#include <cstring>
#include <stdexcept>

namespace {

#ifdef FAKE_THROWS_LATE
constexpr char kInfo[] = R"({"name": "throwing_late", "version": "1.0", "license": "", "url": "", "families": ["fake"], "priority": 500})";
#else
constexpr char kInfo[] = R"({"name": "throwing", "version": "1.0", "license": "", "url": "", "families": ["fake"], "priority": 500})";
#endif

int32_t detect(const garage_model*, garage_detection* answer, garage_error*) {
#ifdef FAKE_THROWS_LATE
  answer->score = 80;
  std::strcpy(answer->family, "fake");
  return 0;
#else
  static_cast<void>(answer);
  throw std::runtime_error("caught you");
#endif
}
int32_t decompose(const garage_model*, const garage_writer*, garage_error*) { throw 7; }

}  // namespace

extern "C" GARAGE_EXPORT const garage_plugin* garage_plugin_v1(void) {
  static const garage_plugin table = {sizeof(garage_plugin), 1, 0, {kInfo, sizeof kInfo - 1}, &detect, &decompose, nullptr};
  return &table;
}

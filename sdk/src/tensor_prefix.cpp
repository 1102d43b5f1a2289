#include "tensor_prefix.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include <garage/sdk/tensors.hpp>

namespace garage::sdk {
namespace {

constexpr std::size_t kDeepest = 8, kMost = 64;  // wrappers in wrappers; combinations that one file may try

std::size_t wrapper_at(std::string_view name) {
  if (name.empty()) return 0;
  for (const auto wrapper : kWrappers)
    if (name.front() == wrapper.front() && name.starts_with(wrapper)) return wrapper.size();  // most differ there
  return 0;
}

// Every sequence of wrappers that a tensor's name begins with, shortest first.
std::vector<std::string> wrappers_of(const Model& model) {
  std::set<std::string, std::less<>> found = {""};
  for (const auto& tensor : model.tensors()) {
    const std::string_view name = tensor.name;
    std::size_t end = 0;
    for (std::size_t depth = 0; depth < kDeepest && found.size() < kMost; ++depth) {
      const auto length = wrapper_at(name.substr(end));
      if (length == 0) break;
      end += length;
      if (!found.contains(name.substr(0, end))) found.emplace(name.substr(0, end));
    }
  }
  std::vector<std::string> wrappers(found.begin(), found.end());
  std::stable_sort(wrappers.begin(), wrappers.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return wrappers;
}

}  // namespace

std::size_t wrappers_before(std::string_view name) {
  std::size_t end = 0;
  for (auto length = wrapper_at(name); length > 0; length = wrapper_at(name.substr(end))) end += length;
  return end;
}

TensorPrefix find_tensor_prefix(const Model& model, const std::string& layers, const std::vector<std::string>& inner) {
  TensorPrefix best{"", inner.front()};
  std::int64_t most = 0;
  for (const auto& wrapper : wrappers_of(model))
    for (const auto& prefix : inner)
      if (const auto count = count_tensors(model, wrapper + prefix + layers + "."); count > most) {
        most = count;
        best = {wrapper, prefix};
      }
  return best;
}

}  // namespace garage::sdk

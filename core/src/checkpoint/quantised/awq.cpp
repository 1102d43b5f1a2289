// AWQ: <module>.qweight, qzeros and scales (encoding/quantised/awq.cpp has the layout) become <module>.weight.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "../../encoding/quantised/awq.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "settings.hpp"

namespace garage {
namespace {

constexpr std::string_view kEnd = ".qweight";
constexpr std::int64_t kInWord = 8;

// transformers: utils/quantization_config.py, AwqConfig.
std::int64_t group_size_of(const Settings& settings) {
  if (const auto bits = settings.integer("bits"); bits && *bits != 4)
    settings.unsupported(fmt::format("'bits' is {}, and 4 are read", *bits));
  auto version = settings.text("version");
  for (const auto* key : {"format", "checkpoint_format"})
    if (!version) version = settings.text(key);
  if (version)
    std::transform(version->begin(), version->end(), version->begin(),
                   [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (version && *version != "gemm") settings.unsupported(fmt::format("'version' is '{}', and gemm is read", *version));
  if (settings.find("zero_point") && !settings.flag("zero_point"))
    settings.unsupported("'zero_point' is false, and weights with zeros are read");
  const auto group_size = settings.integer("group_size").value_or(128);
  if (group_size != -1 && group_size < 1) settings.corrupt(fmt::format("'group_size' is {}", group_size));
  return group_size;
}

void fold_module(std::int64_t group_size, Pieces& pieces, const Pieces::Tensor& weight) {
  const auto module = weight.info.name.substr(0, weight.info.name.size() - kEnd.size());
  const auto &zeros = pieces.need(module + ".qzeros", weight), &scales = pieces.need(module + ".scales", weight);
  pieces.expect_rank(weight, 2);
  pieces.expect_dtype(weight, {DType::kI32});
  const auto columns = weight.info.shape[0], rows = weight.info.shape[1] * kInWord;
  if (group_size == -1) group_size = columns;
  if (columns % group_size != 0)
    pieces.corrupt(fmt::format("{} is for {} columns, which are not whole groups of {}", Pieces::describe(weight),
                               columns, group_size));
  const auto groups = columns / group_size;
  pieces.expect(zeros, {groups, weight.info.shape[1]}, {DType::kI32}, weight);
  pieces.expect(scales, {groups, rows}, {DType::kF16, DType::kBF16, DType::kF32}, weight);
  pieces.fold(module + ".weight", {rows, columns}, awq(group_size, scales.info.dtype), {&weight, &zeros, &scales});
}

}  // namespace

void fold_awq(const Settings& settings, Pieces& pieces) {
  const auto weights = pieces.ending_with(kEnd);
  if (weights.empty()) return;
  const auto group_size = group_size_of(settings);
  for (const auto* weight : weights) fold_module(group_size, pieces, *weight);
}

}  // namespace garage

// GPTQ: <module>.qweight, qzeros, scales and g_idx (encoding/quantised/gptq.cpp has the layout) become <module>.weight.
#include <array>

#include <fmt/format.h>

#include "../../encoding/quantised/gptq.hpp"
#include "../../encoding/quantised/piece_sizes.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "settings.hpp"

namespace garage {
namespace {

constexpr std::string_view kEnd = ".qweight";
constexpr std::int64_t kWord = 32;  // bits

struct Scheme {
  std::int64_t bits;
  std::int64_t group_size;  // -1: one group
  bool has_order;           // desc_act
  bool is_less_one;
  bool is_by_module;  // GPTQModel's `dynamic`: modules may differ
};

bool is_read(std::int64_t bits) { return bits == 2 || bits == 3 || bits == 4 || bits == 8; }

// transformers: utils/quantization_config.py, GPTQConfig.
Scheme scheme_of(const Settings& settings) {
  const auto bits = settings.integer("bits");
  if (!bits) settings.corrupt("has no 'bits'");
  if (!is_read(*bits)) settings.unsupported(fmt::format("'bits' is {}, and 2, 3, 4 and 8 are read", *bits));
  const auto group_size = settings.integer("group_size").value_or(128);
  if (group_size != -1 && group_size < 1) settings.corrupt(fmt::format("'group_size' is {}", group_size));
  auto format = settings.text("checkpoint_format");
  if (!format) format = settings.text("format");
  if (format && *format != "gptq" && *format != "gptq_v2")
    settings.unsupported(fmt::format("'checkpoint_format' is '{}', and gptq and gptq_v2 are read", *format));
  if (settings.flag("is_marlin_format")) settings.unsupported("'is_marlin_format' is true, which is not read");
  return {*bits, group_size, settings.flag("desc_act"), !format || *format == "gptq",
          settings.find("dynamic") != nullptr};
}

// Those of the module: the zeros and the scales are as many, and the zeros are packed.
std::int64_t bits_of(const Pieces& pieces, const Scheme& scheme, const Pieces::Tensor& zeros,
                     const Pieces::Tensor& scales) {
  if (!scheme.is_by_module) return scheme.bits;
  const auto words = zeros.info.shape[1] * kWord, rows = scales.info.shape[1];
  if (words % rows != 0 || !is_read(words / rows))
    pieces.corrupt(fmt::format("{} does not fit {}", Pieces::describe(zeros), Pieces::describe(scales)));
  return words / rows;
}

void fold_module(const Scheme& scheme, Pieces& pieces, const Pieces::Tensor& weight) {
  const auto module = weight.info.name.substr(0, weight.info.name.size() - kEnd.size());
  const auto &zeros = pieces.need(module + ".qzeros", weight), &scales = pieces.need(module + ".scales", weight);
  for (const auto* piece : {&weight, &zeros, &scales}) pieces.expect_rank(*piece, 2);
  pieces.expect_dtype(weight, {DType::kI32});
  const auto bits = bits_of(pieces, scheme, zeros, scales), rows = weight.info.shape[1],
             bits_down = weight.info.shape[0] * kWord, columns = bits_down / bits;
  if (bits_down % bits != 0 || (bits == 3 && weight.info.shape[0] % 3 != 0) || rows * bits % kWord != 0)
    pieces.corrupt(
        fmt::format("{} does not hold numbers of {} bits: its columns, and the zeros of its rows, are no whole "
                    "words of them",
                    Pieces::describe(weight), bits));
  const auto* order = pieces.find(module + ".g_idx");
  const auto group_size = scheme.group_size == -1 ? columns : scheme.group_size;
  const auto groups = order && scheme.is_by_module ? scales.info.shape[0] : groups_of(columns, group_size);
  pieces.expect(scales, {groups, rows}, {DType::kF16, DType::kBF16, DType::kF32}, weight);
  pieces.expect(zeros, {groups, rows * bits / kWord}, {DType::kI32}, weight);
  if (order) pieces.expect(*order, {columns}, {DType::kI32}, weight);
  else if (scheme.has_order && groups > 1) pieces.need(module + ".g_idx", weight);
  std::vector parts{&weight, &zeros, &scales};
  if (order) parts.push_back(order);
  pieces.fold(
      module + ".weight", {rows, columns},
      gptq({static_cast<int>(bits), groups, group_size, scheme.is_less_one, order != nullptr, scales.info.dtype}),
      parts);
}

}  // namespace

void fold_gptq(const Settings& settings, Pieces& pieces) {
  const auto weights = pieces.ending_with(kEnd);
  if (weights.empty()) return;
  const auto scheme = scheme_of(settings);
  for (const auto* weight : weights) fold_module(scheme, pieces, *weight);
}

}  // namespace garage

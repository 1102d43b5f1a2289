// bitsandbytes (encoding/quantised/bitsandbytes.cpp has the layouts). Of a module
//
//   weight I8 [rows, columns], SCB [rows], weight_format U8 [] (0: row after row)
//   weight, weight.absmax, weight.quant_map, weight.quant_state.bitsandbytes__nf4 (or __fp4), and of scales that are
//   quantised too weight.nested_absmax, weight.nested_quant_map
//
// become weight. A 4-bit weight is [bytes, 1] of U8, or of a wider dtype whose bytes are the same
// (bnb_4bit_quant_storage). Not tried on a file that bitsandbytes wrote: none was at hand.
#include <fmt/format.h>

#include "../../encoding/quantised/bitsandbytes.hpp"
#include "../../encoding/quantised/piece_sizes.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "quant_state.hpp"

namespace garage {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::uint64_t kMaxState = 4096;  // bytes; real ones have some hundred

// LINEAR_8BIT_WEIGHTS_FORMAT_MAPPING: 1 to 3 are orders that GPUs wanted once.
void require_row_major(const std::string& module, Pieces& pieces) {
  const auto* format = pieces.find(module + ".weight_format");
  if (!format) return;
  pieces.expect_dtype(*format, {DType::kU8});
  const auto bytes = pieces.read(*format, 1);
  if (bytes != std::string(1, '\0'))
    pieces.unsupported(fmt::format("{} says that the weight beside it does not lie row after row, which is not read",
                                   Pieces::describe(*format)));
  pieces.use_up(*format);
}

void fold_int8(Pieces& pieces, const Pieces::Tensor& scales) {
  constexpr std::string_view kEnd = "SCB";
  const auto module = scales.info.name.substr(0, scales.info.name.size() - kEnd.size() - 1);
  const auto& weight = pieces.need(module + ".weight", scales);
  pieces.expect_rank(weight, 2);
  pieces.expect_dtype(weight, {DType::kI8});
  pieces.expect(scales, {weight.info.shape[0]}, {DType::kF32, DType::kBF16, DType::kF16}, weight);
  require_row_major(module, pieces);
  pieces.fold(weight.info.name, weight.info.shape, bitsandbytes_int8(scales.info.dtype), {&weight, &scales});
}

std::string_view name_of(const std::string& type) { return type == "nf4" ? "bnb nf4" : "bnb fp4"; }

void fold_4bit(Pieces& pieces, const Pieces::Tensor& described, const std::string& name, const std::string& type) {
  const auto& weight = pieces.need(name, described);
  pieces.expect_dtype(described, {DType::kU8});
  const auto state = read_quant_state(pieces.read(described, kMaxState), Pieces::describe(described));
  if (state.type != type)
    pieces.corrupt(fmt::format("{} says 'quant_type' '{}'", Pieces::describe(described), state.type));
  std::int64_t numbers = 1;
  for (const auto length : state.shape) numbers *= length;
  const auto bytes = pieces.size_of(weight);
  if (bytes != static_cast<std::uint64_t>(groups_of(numbers, 2)))
    pieces.corrupt(fmt::format("{} has {} bytes, and the {} numbers of shape {} need {}", Pieces::describe(weight),
                               bytes, numbers, shape_text(state.shape), groups_of(numbers, 2)));
  const auto &absmax = pieces.need(name + ".absmax", weight), &map = pieces.need(name + ".quant_map", weight);
  const auto blocks = groups_of(numbers, state.layout.block);
  pieces.expect(absmax, {blocks}, {state.layout.nested ? DType::kU8 : DType::kF32}, weight);
  pieces.expect(map, {16}, {DType::kF32}, weight);
  std::vector parts{&weight, &absmax, &map};
  if (state.layout.nested) {
    const auto &scales = pieces.need(name + ".nested_absmax", weight),
               &values = pieces.need(name + ".nested_quant_map", weight);
    pieces.expect(scales, {groups_of(blocks, state.layout.nested->block)}, {DType::kF32}, absmax);
    pieces.expect(values, {256}, {DType::kF32}, absmax);
    parts.insert(parts.end(), {&scales, &values});
  }
  pieces.use_up(described);
  pieces.fold(name, state.shape, bitsandbytes_4bit(name_of(type), state.layout), parts);
}

// Packed weights that nothing describes.
void refuse_alone(const Pieces& pieces) {
  for (const auto* weight : pieces.ending_with(kWeight)) {
    const auto& name = weight->info.name;
    if (weight->info.dtype == DType::kI8) pieces.need(name.substr(0, name.size() - kWeight.size()) + ".SCB", *weight);
    if (weight->info.dtype == DType::kU8) pieces.need(name + ".quant_state.bitsandbytes__nf4", *weight);
  }
}

}  // namespace

void fold_bitsandbytes(const Settings&, Pieces& pieces) {
  for (const std::string type : {"nf4", "fp4"}) {
    const auto end = ".quant_state.bitsandbytes__" + type;
    for (const auto* described : pieces.ending_with(end)) {
      const auto& name = described->info.name;
      fold_4bit(pieces, *described, name.substr(0, name.size() - end.size()), type);
    }
  }
  for (const auto* scales : pieces.ending_with(".SCB")) fold_int8(pieces, *scales);
  refuse_alone(pieces);
}

}  // namespace garage

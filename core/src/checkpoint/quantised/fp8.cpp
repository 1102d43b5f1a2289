// FP8: <weight> of F8_E4M3 [..., rows, columns] and <weight>_scale_inv become <weight>. One scale is for a block of
// weight_block_size, 128 by 128 where the config says nothing, or for the whole of a matrix where it says null. MXFP8
// has blocks of 1 by 32, and exponents for scales.
//
// DeepSeek V4 calls the scales <module>.scale, and has experts of I8 [rows, columns / 2], two numbers E2M1 to a byte,
// in blocks of 1 by 32 (transformers: quantizers/quantizer_finegrained_fp8.py; integrations/finegrained_fp8.py,
// Fp8Dequantize). AutoFP8 and vLLM have one scale of a weight and call it <module>.weight_scale.
#include <array>
#include <optional>

#include <fmt/format.h>

#include "../../encoding/quantised/piece_sizes.hpp"
#include "../../encoding/quantised/scaled_grid.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "settings.hpp"

namespace garage {
namespace {

constexpr std::string_view kOneScale = ".weight_scale";  // that is for all of a weight

using Block = std::array<std::int64_t, 2>;  // rows, columns

// Nothing: the whole of each matrix.
std::optional<Block> block_of(const Settings& settings, Block otherwise) {
  constexpr std::string_view kKey = "weight_block_size";
  if (!settings.all().contains(kKey)) return otherwise;
  return settings.two_counts(kKey);
}

bool is_one_number(const Pieces::Tensor& tensor) {
  return tensor.info.shape.empty() || tensor.info.shape == Pieces::Shape{1};
}

const Pieces::Tensor* scale_of(const Pieces& pieces, const std::string& name) {
  if (const auto* scale = pieces.find(name + "_scale_inv")) return scale;
  constexpr std::string_view kEnd = ".weight";
  if (!name.ends_with(kEnd)) return nullptr;
  const auto module = name.substr(0, name.size() - kEnd.size());
  const auto* scale = pieces.find(module + ".scale");
  return scale ? scale : pieces.find(module + std::string(kOneScale));
}

class Folder {
 public:
  Folder(std::optional<Block> block, Pieces& pieces) : block_(block), pieces_(pieces) {}

  void fold_numbers(const Pieces::Tensor& weight) {
    const auto* scale = scale_of(pieces_, weight.info.name);
    if (!scale) scale = &pieces_.need(weight.info.name + "_scale_inv", weight);
    require_matrices(weight);
    ScaledGrid grid{.numbers = ScaledGrid::Numbers::kE4m3};
    const auto rows = weight.info.shape[weight.info.shape.size() - 2], columns = weight.info.shape.back();
    const bool is_whole = is_one_number(*scale) || scale->info.name.ends_with(kOneScale) || !block_;
    grid.field_rows = is_whole ? rows : (*block_)[0];
    grid.field_columns = is_whole ? columns : (*block_)[1];
    split_halves(*scale, weight, grid);
    const auto name = is_whole ? "FP8 tensor" : scale->info.dtype == DType::kU8 ? "MXFP8" : "FP8 blocks";
    fold(name, weight, *scale, weight.info.shape, grid);
  }

  // Where no scale lies beside it, it is none of ours.
  void fold_halves(const Pieces::Tensor& weight) {
    const auto* scale = scale_of(pieces_, weight.info.name);
    if (!scale || scale->info.name.ends_with(kOneScale)) return;
    require_matrices(weight);
    auto shape = weight.info.shape;
    shape.back() *= 2;
    const ScaledGrid grid{.numbers = ScaledGrid::Numbers::kE2m1, .field_rows = 1, .field_columns = 32};
    fold("MXFP4", weight, *scale, shape, grid);
  }

 private:
  void require_matrices(const Pieces::Tensor& weight) const {
    const auto rank = weight.info.shape.size();
    pieces_.expect_rank(weight, rank == 3 ? 3 : 2);
  }

  // Of two matrices that are stored as one each has fields of its own (transformers: _alloc_expert_proj, min_sf_out),
  // and where both would go into one field, each is one.
  static void split_halves(const Pieces::Tensor& scale, const Pieces::Tensor& weight, ScaledGrid& grid) {
    const auto& shape = scale.info.shape;
    if (weight.info.shape.size() != 3 || shape.size() != 3) return;
    const auto rows = weight.info.shape[1];
    if (shape[1] == 2 && grid.grid_rows(rows) == 1 && rows % 2 == 0) grid.field_rows = rows / 2;
  }

  void fold(std::string_view name, const Pieces::Tensor& weight, const Pieces::Tensor& scale,
            const Pieces::Shape& shape, ScaledGrid grid) {
    Pieces::Shape expected(shape.begin(), shape.end() - 2);
    expected.push_back(grid.grid_rows(shape[shape.size() - 2]));
    expected.push_back(grid.grid_columns(shape.back()));
    const bool is_one = is_one_number(scale) && expected == Pieces::Shape{1, 1};
    pieces_.expect(scale, is_one ? scale.info.shape : expected,
                   {DType::kF32, DType::kBF16, DType::kF16, DType::kF8E8M0, DType::kU8}, weight);
    grid.scales = scale.info.dtype;
    pieces_.fold(weight.info.name, shape, scaled_grid(name, grid), {&weight, &scale});
  }

  std::optional<Block> block_;
  Pieces& pieces_;
};

void fold_all(const Settings& settings, Pieces& pieces, Block otherwise) {
  const auto numbers = pieces.of(DType::kF8E4M3), halves = pieces.of(DType::kI8);
  if (numbers.empty() && halves.empty()) return;
  Folder folder(block_of(settings, otherwise), pieces);
  for (const auto* weight : numbers) folder.fold_numbers(*weight);
  for (const auto* weight : halves) folder.fold_halves(*weight);
  pieces.leave_out({"activation_scale", "gate_up_proj_activation_scale", "up_proj_activation_scale",
                    "down_proj_activation_scale", "input_scale", "output_scale", "k_scale", "v_scale", "q_scale",
                    "kv_scale"});
}

}  // namespace

void fold_fp8(const Settings& settings, Pieces& pieces) { fold_all(settings, pieces, {128, 128}); }
void fold_mxfp8(const Settings& settings, Pieces& pieces) { fold_all(settings, pieces, {1, 32}); }

}  // namespace garage

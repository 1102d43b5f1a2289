// compressed-tensors. Of a module:
//
//   weight, weight_scale                            I8 or F8_E4M3, as it is: int-, float-, naive- and mxfp8-quantized
//   weight_packed, weight_scale, weight_shape       I32: pack-quantized
//   weight_packed, weight_scale                     U8, two E2M1 to a byte: mxfp4- and, with weight_global_scale,
//                                                   nvfp4-pack-quantized
//   weight_zero_point, weight_g_idx                 beside these
//
// become weight (encoding/quantised/scaled_grid.cpp has the layouts; compressed_tensors 0.17: compressors/). Which
// group of the config a module belongs to hangs on its class, which no file names: its tensors' shapes say which groups
// it can be of, and where these would give different numbers it is refused.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../../encoding/numbers.hpp"
#include "../../encoding/quantised/piece_sizes.hpp"
#include "../../encoding/quantised/scaled_grid.hpp"
#include "marks.hpp"
#include "methods.hpp"
#include "pieces.hpp"
#include "scheme.hpp"
#include "settings.hpp"

namespace garage {
namespace {

using Strategy = Scheme::Strategy;

// What decoding a module needs to know.
struct Fit {
  ScaledGrid grid;
  std::int64_t columns;
  Strategy strategy;

  friend bool operator==(const Fit& a, const Fit& b) { return a.grid == b.grid && a.columns == b.columns; }
};

std::string_view name_of(const Fit& fit) {
  static constexpr std::array<std::array<std::string_view, 4>, 8> kIntegers = {{
      {"int1 tensor", "int1 channels", "int1 groups", "int1 blocks"},
      {"int2 tensor", "int2 channels", "int2 groups", "int2 blocks"},
      {"int3 tensor", "int3 channels", "int3 groups", "int3 blocks"},
      {"int4 tensor", "int4 channels", "int4 groups", "int4 blocks"},
      {"int5 tensor", "int5 channels", "int5 groups", "int5 blocks"},
      {"int6 tensor", "int6 channels", "int6 groups", "int6 blocks"},
      {"int7 tensor", "int7 channels", "int7 groups", "int7 blocks"},
      {"int8 tensor", "int8 channels", "int8 groups", "int8 blocks"},
  }};
  static constexpr std::array<std::string_view, 4> kFloats = {"FP8 tensor", "FP8 channels", "FP8 groups", "FP8 blocks"};
  // One group of all columns is what a channel is, whichever of the two the config calls it.
  const bool is_channel = fit.strategy == Strategy::kGroup && fit.grid.field_columns == fit.columns;
  const auto strategy = static_cast<std::size_t>(is_channel ? Strategy::kChannel : fit.strategy);
  if (fit.grid.numbers == ScaledGrid::Numbers::kE2m1) return fit.grid.has_divisor ? "NVFP4" : "MXFP4";
  if (fit.grid.numbers == ScaledGrid::Numbers::kE4m3)
    return fit.grid.scales == DType::kU8 ? "MXFP8" : kFloats[strategy];
  return kIntegers[static_cast<std::size_t>(fit.grid.bits - 1)][strategy];
}

// The tensors of one module.
struct Module {
  const Pieces::Tensor* numbers;
  const Pieces::Tensor* scales;
  const Pieces::Tensor* zeros;  // these may be null
  const Pieces::Tensor* order;
  const Pieces::Tensor* divisor;
  const Pieces::Tensor* shape;
};

class Folder {
 public:
  Folder(std::vector<Scheme> schemes, Pieces& pieces) : schemes_(std::move(schemes)), pieces_(pieces) {}

  // prefix: "model.layers.0.mlp.up_proj.weight".
  void fold(const std::string& prefix, const Pieces::Tensor& numbers) {
    const Module module{&numbers,
                        &pieces_.need(prefix + "_scale", numbers),
                        pieces_.find(prefix + "_zero_point"),
                        pieces_.find(prefix + "_g_idx"),
                        pieces_.find(prefix + "_global_scale"),
                        pieces_.find(prefix + "_shape")};
    pieces_.expect_rank(numbers, 2);
    const auto fit = fit_of(module);
    std::vector parts{module.numbers, module.scales};
    if (fit.grid.zeros != ScaledGrid::Zeros::kNone) parts.push_back(module.zeros);
    if (fit.grid.has_order) parts.push_back(module.order);
    if (fit.grid.has_divisor) parts.push_back(module.divisor);
    if (module.shape) pieces_.use_up(*module.shape);
    pieces_.fold(prefix, {numbers.info.shape[0], fit.columns}, scaled_grid(name_of(fit), fit.grid), parts);
  }

 private:
  Fit fit_of(const Module& module) {
    std::optional<Fit> found;
    const Scheme* first = nullptr;
    for (const auto& scheme : schemes_) {
      const auto fit = fit_of(module, scheme);
      if (!fit) continue;
      if (found && !(*found == *fit))
        pieces_.unsupported(
            fmt::format("{} may be of '{}' or of '{}', which give other numbers, and the config does not "
                        "say by its name which",
                        Pieces::describe(*module.numbers), first->text(), scheme.text()));
      if (found) continue;
      first = &scheme;
      found = fit;
    }
    if (!found) refuse_unfit(module);
    return *found;
  }

  [[noreturn]] void refuse_unfit(const Module& module) const {
    std::vector<std::string> texts;
    for (const auto& scheme : schemes_) texts.push_back("'" + scheme.text() + (scheme.has_zeros ? ", zeros'" : "'"));
    std::string others;
    for (const auto* piece : {module.scales, module.zeros, module.order, module.divisor})
      if (piece) others += (others.empty() ? "" : ", ") + Pieces::describe(*piece);
    pieces_.corrupt(fmt::format("{} and what is beside it ({}) fit none of the config's groups ({})",
                                Pieces::describe(*module.numbers), others, fmt::join(texts, ", ")));
  }

  // Nothing where the module cannot be of the group.
  std::optional<Fit> fit_of(const Module& module, const Scheme& scheme) {
    Fit fit{{}, 0, scheme.strategy};
    if (!set_numbers(module, scheme, fit.grid)) return std::nullopt;
    const auto columns = columns_of(module, scheme, fit.grid);
    if (!columns) return std::nullopt;
    fit.columns = *columns;
    const auto rows = module.numbers->info.shape[0];
    if (fit.grid.row_bytes(*columns) != module.numbers->info.shape[1] * bits(module.numbers->info.dtype) / 8 ||
        !set_fields(scheme, rows, *columns, fit.grid) || !set_scales(module, scheme, rows, *columns, fit.grid) ||
        !set_zeros(module, scheme, rows, *columns, fit.grid) || !set_order(module, scheme, *columns, fit.grid))
      return std::nullopt;
    return fit;
  }

  static bool set_numbers(const Module& module, const Scheme& scheme, ScaledGrid& grid) {
    grid.bits = scheme.bits;
    switch (module.numbers->info.dtype) {
      case DType::kI8:
        // Fewer bits are a matter of which numbers there are.
        grid.bits = 8;
        grid.numbers = ScaledGrid::Numbers::kInt8;
        return !scheme.is_float;
      case DType::kF8E4M3: grid.numbers = ScaledGrid::Numbers::kE4m3; return scheme.is_float && scheme.bits == 8;
      case DType::kI32: grid.numbers = ScaledGrid::Numbers::kPacked; return !scheme.is_float;
      case DType::kU8: grid.numbers = ScaledGrid::Numbers::kE2m1; return scheme.is_float && scheme.bits == 4;
      default: return false;
    }
  }

  // Packed ones may be fewer than go into a row's words: then groups, or else weight_shape, say how many they are.
  std::optional<std::int64_t> columns_of(const Module& module, const Scheme& scheme, const ScaledGrid& grid) {
    const auto stored = module.numbers->info.shape[1];
    if (grid.numbers == ScaledGrid::Numbers::kE2m1) return stored * 2;
    if (grid.numbers != ScaledGrid::Numbers::kPacked) return stored;
    if (scheme.strategy != Strategy::kGroup) return shape_of(module)[1];
    const auto& scales = module.scales->info.shape;
    if (scales.size() != 2 || scales[1] > stored * 32 / scheme.group_size) return std::nullopt;
    return scales[1] * scheme.group_size;
  }

  std::array<std::int64_t, 2> shape_of(const Module& module) {
    const auto& name = module.numbers->info.name;
    const auto& shape =
        pieces_.need(name.substr(0, name.size() - last_piece(name).size()) + "weight_shape", *module.numbers);
    pieces_.expect(shape, {2}, {DType::kI64, DType::kI32}, *module.numbers);
    const auto bytes = pieces_.read(shape, 16);
    std::array<std::int64_t, 2> lengths{};
    for (std::size_t i = 0; i < 2; ++i) {
      const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
      lengths[i] = shape.info.dtype == DType::kI64 ? load<std::int64_t>(at + i * 8) : load<std::int32_t>(at + i * 4);
    }
    const auto room = module.numbers->info.shape[1] * 32;  // of numbers of 1 bit
    if (lengths[0] != module.numbers->info.shape[0] || lengths[1] < 1 || lengths[1] > room)
      pieces_.corrupt(fmt::format("{} says [{}, {}], which does not fit {}", Pieces::describe(shape), lengths[0],
                                  lengths[1], Pieces::describe(*module.numbers)));
    return lengths;
  }

  static bool set_fields(const Scheme& scheme, std::int64_t rows, std::int64_t columns, ScaledGrid& grid) {
    const auto strategy = scheme.strategy;
    grid.field_rows = strategy == Strategy::kTensor ? rows : strategy == Strategy::kBlock ? scheme.block_rows : 1;
    grid.field_columns = strategy == Strategy::kGroup   ? scheme.group_size
                         : strategy == Strategy::kBlock ? scheme.block_columns
                                                        : columns;
    return strategy != Strategy::kGroup || columns % scheme.group_size == 0;
  }

  bool set_scales(const Module& module, const Scheme& scheme, std::int64_t rows, std::int64_t columns,
                  ScaledGrid& grid) const {
    const auto& [info, stored] = *module.scales;
    grid.scales = info.dtype;
    grid.has_divisor = module.divisor != nullptr;
    if (!is_grid(info.shape, scheme, rows, columns, grid)) return false;
    if (grid.has_divisor) {  // NVFP4
      pieces_.expect(*module.divisor, {1}, {DType::kF32}, *module.numbers);
      return grid.numbers == ScaledGrid::Numbers::kE2m1 && info.dtype == DType::kF8E4M3;
    }
    if (grid.numbers == ScaledGrid::Numbers::kE2m1) return info.dtype == DType::kU8;
    if (info.dtype == DType::kU8) return grid.numbers == ScaledGrid::Numbers::kE4m3;
    return info.dtype == DType::kF32 || info.dtype == DType::kBF16 || info.dtype == DType::kF16;
  }

  // One number may stand with or without dimensions.
  static bool is_grid(const std::vector<std::int64_t>& shape, const Scheme& scheme, std::int64_t rows,
                      std::int64_t columns, const ScaledGrid& grid) {
    if (scheme.strategy == Strategy::kTensor) return shape.empty() || shape == std::vector<std::int64_t>{1};
    return shape == std::vector{grid.grid_rows(rows), grid.grid_columns(columns)};
  }

  bool set_zeros(const Module& module, const Scheme& scheme, std::int64_t rows, std::int64_t columns,
                 ScaledGrid& grid) const {
    if (!module.zeros) return !scheme.has_zeros;
    const auto& info = module.zeros->info;
    const bool is_packed = scheme.has_zeros && grid.numbers == ScaledGrid::Numbers::kPacked &&
                           (scheme.strategy == Strategy::kGroup || scheme.strategy == Strategy::kChannel);
    grid.zeros = is_packed ? ScaledGrid::Zeros::kPacked : ScaledGrid::Zeros::kInt8;
    if (!is_packed) return info.dtype == DType::kI8 && is_grid(info.shape, scheme, rows, columns, grid);
    return info.dtype == DType::kI32 &&
           info.shape == std::vector{groups_of(rows, 32 / grid.bits), grid.grid_columns(columns)};
  }

  static bool set_order(const Module& module, const Scheme& scheme, std::int64_t columns, ScaledGrid& grid) {
    grid.has_order = module.order != nullptr;
    return !module.order || (scheme.strategy == Strategy::kGroup && module.order->info.dtype == DType::kI32 &&
                             module.order->info.shape == std::vector{columns});
  }

  std::vector<Scheme> schemes_;
  Pieces& pieces_;
};

void require_format(const Settings& settings) {
  const auto format = settings.text("format").value_or("dense");
  constexpr std::array<std::string_view, 9> kFormats = {
      "dense",          "int-quantized",        "float-quantized",      "naive-quantized",
      "pack-quantized", "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized",
      "mixed-precision"};
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end())
    settings.unsupported(fmt::format("'format' is '{}', and {} are read", format, fmt::join(kFormats, ", ")));
  if (const auto sparsity = settings.object("sparsity_config"))
    if (const auto sparse = sparsity->text("format"); sparse && *sparse != "dense")
      sparsity->unsupported(fmt::format("'format' is '{}', and only dense weights are read", *sparse));
  if (const auto transforms = settings.object("transform_config"); transforms && !transforms->all().empty())
    settings.unsupported("'transform_config' turns activations while the model runs, which is not done here");
}

}  // namespace

void fold_compressed_tensors(const Settings& settings, Pieces& pieces) {
  constexpr std::string_view kPacked = "_packed";
  const auto packed = pieces.ending_with(".weight_packed");
  auto plain = pieces.ending_with(".weight");
  std::erase_if(plain, [](const auto* weight) {
    return weight->info.dtype != DType::kI8 && weight->info.dtype != DType::kF8E4M3;
  });
  if (packed.empty() && plain.empty()) return;
  require_format(settings);
  Folder folder(schemes_of(settings), pieces);
  for (const auto* weight : packed) {
    pieces.expect_dtype(*weight, {DType::kI32, DType::kU8});
    folder.fold(weight->info.name.substr(0, weight->info.name.size() - kPacked.size()), *weight);
  }
  for (const auto* weight : plain) folder.fold(weight->info.name, *weight);
  pieces.leave_out({"input_scale", "input_zero_point", "input_global_scale", "output_scale", "output_zero_point",
                    "output_global_scale", "q_scale", "k_scale", "v_scale", "q_zero_point", "k_zero_point",
                    "v_zero_point"});
}

}  // namespace garage

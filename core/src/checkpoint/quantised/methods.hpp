// The ways to quantise that are read. Each is a file here that recognises its tensors and folds them.
#pragma once

#include <span>
#include <string_view>

namespace garage {

class Pieces;
class Settings;

struct Method {
  std::string_view name;                            // quant_method
  void (*fold)(const Settings& settings, Pieces&);  // throws as fold_quantised
};

std::span<const Method> methods();
const Method* find_method(std::string_view name);  // null: none of these

void fold_awq(const Settings& settings, Pieces& pieces);
void fold_bitsandbytes(const Settings& settings, Pieces& pieces);
void fold_compressed_tensors(const Settings& settings, Pieces& pieces);
void fold_fp8(const Settings& settings, Pieces& pieces);
void fold_gptq(const Settings& settings, Pieces& pieces);
void fold_mxfp4(const Settings& settings, Pieces& pieces);
void fold_mxfp8(const Settings& settings, Pieces& pieces);

}  // namespace garage

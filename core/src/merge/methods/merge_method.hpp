// MergeMethod: how the numbers of one tensor are made of several models'.
//
// Lifetime  Static: a method is one object, listed in methods.cpp.
// Threads   All members may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <garage/dtype.hpp>
#include <garage/encoding.hpp>

namespace garage {

// What a recipe may say to a method. A flag is 0 or 1.
struct MergeParameter {
  std::string_view name;           // "weight", "density"
  bool is_per_model = false;       // said of each model; otherwise of all of them together
  std::optional<double> fallback;  // nothing: it has to be said
};

// One model's share of a tensor.
struct MergeInput {
  std::span<const float> numbers;  // row-major
  // Those that are per model, in the order of the method's list. Of a base that a method takes none is asked for.
  std::vector<std::optional<double>> parameters;
};

struct MergeTask {
  std::string_view tensor;               // its name, for errors
  Rows shape;                            // of what is here of it, as a matrix
  std::int64_t first = 0;                // which of the tensor's numbers is the first here: 0 but for pieces
  std::vector<std::int64_t> dimensions;  // of the whole tensor; [] is a scalar
  std::vector<MergeInput> models;        // in the recipe's order
  // Which of them is the base; one that the recipe names as the base alone comes last.
  std::optional<std::size_t> base;
  bool is_base_listed = false;     // whether it is also one of the models that are merged
  std::vector<double> parameters;  // those of all together, in the order of the method's list
  std::uint64_t seed = 0;          // this tensor's own
  DType dtype = DType::kF32;       // that is computed in: the numbers are rounded to it already
};

// none: a base that is listed is a model like the others, and one that is named alone takes no part and is not counted.
// Otherwise it is what the others are compared with, and not itself merged, listed or not.
enum class MergeBase { none, optional, required };

class MergeMethod {
 public:
  MergeMethod() = default;
  MergeMethod(const MergeMethod&) = delete;
  MergeMethod& operator=(const MergeMethod&) = delete;
  virtual ~MergeMethod() = default;

  virtual std::string_view name() const noexcept = 0;  // mergekit's: "ties", "dare_linear"
  virtual std::span<const MergeParameter> parameters() const noexcept = 0;
  virtual MergeBase base() const noexcept = 0;
  // Whether each number depends on those in its own place alone, so that a tensor may come in pieces.
  virtual bool is_in_place() const noexcept = 0;
  // How many models it takes, the base included: throws kInvalidArgument that says how many there have to be.
  virtual void require_models(std::size_t models, bool has_base) const = 0;
  // Requires: out is as large as each input and overlaps none; require_models passed.
  // Throws kInvalidArgument: a parameter that is out of its bounds, naming it, its value and the tensor.
  virtual void merge(const MergeTask& task, std::span<float> out) const = 0;
};

// By name; throws kInvalidArgument with the nearest known name.
const MergeMethod& merge_method(std::string_view name);
std::span<const MergeMethod* const> merge_methods();

}  // namespace garage

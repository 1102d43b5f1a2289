// MergeMethod: how the numbers of one tensor are made of several models'.
//
// Lifetime  Static: a method is one object, listed in methods.cpp.
// Threads   All members may be called from several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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

// What is said of one model: those that are per model, in the order of the method's list. Of a base that a method takes
// none is asked for.
using ModelParameters = std::vector<std::optional<double>>;

// One tensor that is to be merged.
struct MergeTask {
  std::string_view tensor;               // its name, for errors
  Rows shape;                            // as a matrix
  std::vector<std::int64_t> dimensions;  // [] is a scalar
  std::vector<ModelParameters> models;   // in the recipe's order
  // Which of them is the base; one that the recipe names as the base alone comes last.
  std::optional<std::size_t> base;
  bool is_base_listed = false;     // whether it is also one of the models that are merged
  std::vector<double> parameters;  // those of all together, in the order of the method's list
  std::uint64_t seed = 0;          // this tensor's own
  DType dtype = DType::kF32;       // that is computed in: the numbers are rounded to it already
};

// Some rows of it.
struct MergePiece {
  std::int64_t first = 0;                      // which of the tensor's numbers is the first here
  std::vector<std::span<const float>> models;  // row-major, in the task's order; of a model not asked for, none
};

// The numbers of a tensor, which need not be in memory all together.
class MergePieces {
 public:
  MergePieces() = default;
  MergePieces(const MergePieces&) = delete;
  MergePieces& operator=(const MergePieces&) = delete;
  virtual ~MergePieces() = default;

  // Calls see with piece after piece, in their order. models: who is asked, by their places in the task.
  virtual void each(std::span<const std::size_t> models, const std::function<void(const MergePiece&)>& see) const = 0;
};

// Merges a piece, in which all models are. Requires: out is as large as each of them and overlaps none.
using PieceMerge = std::function<void(const MergePiece&, std::span<float> out)>;

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
  // Whether each number depends on those in its own place alone: then nothing is looked at before, and pieces may be
  // merged in any order.
  virtual bool is_in_place() const noexcept = 0;
  // How many models it takes, the base included: throws kInvalidArgument that says how many there have to be.
  virtual void require_models(std::size_t models, bool has_base) const = 0;
  // Looks at the whole tensor, as often as it has to; the numbers are made of the answer, which is called with each
  // piece once, in their order, by one thread at a time. Requires: require_models passed. Throws kInvalidArgument: a
  // parameter that is out of its bounds, naming it, its value and the tensor.
  virtual PieceMerge begin(const MergeTask& task, const MergePieces& pieces) const = 0;
};

// By name; throws kInvalidArgument with the nearest known name.
const MergeMethod& merge_method(std::string_view name);
std::span<const MergeMethod* const> merge_methods();

}  // namespace garage

// Tensors as PyTorch's pickles say them, and where their bytes lie: what torch.jit.save and torch.save have in common.
//
// A tensor is a call of torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, ...), with offset and strides
// in elements; a storage is the persistent id ("storage", torch.FloatStorage, key, device, elements).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <garage/model.hpp>

#include "../weight_file.hpp"
#include "pickle.hpp"
#include "walk_budget.hpp"

namespace garage {

// Null unless the value is of that kind.
template <class T>
const T* pickled_as(const Pickled* value) {
  return value ? std::get_if<T>(&value->value) : nullptr;
}

// Of a value that was made by calling a class: the class's name, "torch._utils._rebuild_tensor_v2". Empty for any
// other.
std::string_view maker_of(const Pickled* value);

struct TorchStorage {
  DType dtype;
  std::string key;
  std::uint64_t elements;
};

class TorchTensors {
 public:
  // Where a storage's bytes lie, in the file. Throws where there is none of that key.
  struct Bytes {
    std::uint64_t offset = 0, size = 0;
  };
  using Find = std::function<Bytes(const std::string& tensor, const TorchStorage& storage)>;

  // pickle_bytes: how long the pickle is. subject opens every message.
  TorchTensors(std::filesystem::path file, std::string subject, std::uint64_t pickle_bytes, Find find);
  TorchTensors(const TorchTensors&) = delete;
  TorchTensors& operator=(const TorchTensors&) = delete;

  // Throws kCorrupt, and kUnsupported for one that is made in another way: quantised, sparse.
  void add(const std::string& name, const Pickled* tensor);

  // Of a persistent id. Throws kCorrupt, and kUnsupported for a type that the safetensors format has no name for.
  TorchStorage storage_of(const std::string& tensor, const Pickled* value);

  WalkBudget& budget() noexcept { return budget_; }
  // inventory: all that was read of the file. A second name of a tensor is in the metadata, as safetensors' save_model
  // records it.
  WeightFile take(const std::string& inventory);

 private:
  [[noreturn]] void fail(const std::string& fault) const;
  std::vector<std::int64_t> numbers(const std::string& tensor, const Pickled* value);
  StoredTensor stored(const TensorInfo& tensor, const TorchStorage& storage, std::uint64_t offset,
                      const std::vector<std::int64_t>& strides) const;

  std::string subject_;
  WalkBudget budget_;
  Find find_;
  std::map<std::tuple<std::string, std::int64_t, std::vector<std::int64_t>, std::vector<std::int64_t>>, std::string>
      names_;
  WeightFile result_;
};

}  // namespace garage

#include <garage/model.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include <boost/unordered/unordered_flat_map.hpp>
#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/name_hash.hpp>

namespace garage {

std::int64_t TensorInfo::elements() const noexcept {
  std::int64_t count = 1;
  for (const auto dim : shape)
    if (dim == 0) return 0;
  for (const auto dim : shape)
    if (__builtin_mul_overflow(count, dim, &count)) return std::numeric_limits<std::int64_t>::max();
  return count;
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

struct Model::Inventory {
  TensorLoader load;
  std::once_flag once;
  std::atomic<bool> is_loaded{false};  // call_once asks in a slower way
  std::vector<TensorInfo> tensors;
  boost::unordered_flat_map<std::string_view, std::uint32_t, NameHash> index;  // views into tensors

  void fill() {
    tensors = load();
    load = nullptr;
    const auto by_name = [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; };
    if (!std::is_sorted(tensors.begin(), tensors.end(), by_name)) std::sort(tensors.begin(), tensors.end(), by_name);
    index.reserve(tensors.size());
    for (std::uint32_t i = 0; i < tensors.size(); ++i) {
      const auto& tensor = tensors[i];
      if (!index.emplace(tensor.name, i).second)
        throw Error(Errc::kCorrupt, fmt::format("tensor '{}' stands twice in the model", tensor.name));
      for (const auto dim : tensor.shape)
        if (dim < 0)
          throw Error(Errc::kCorrupt,
                      fmt::format("tensor '{}' has a negative dimension: {}", tensor.name, shape_text(tensor.shape)));
    }
  }
};

Model::Model(TensorLoader load, boost::json::object config, Metadata metadata)
    : inventory_(std::make_unique<Inventory>()), config_(std::move(config)), metadata_(std::move(metadata)) {
  inventory_->load = std::move(load);
}

Model::Model(std::vector<TensorInfo> tensors, boost::json::object config, Metadata metadata)
    : Model([&tensors] { return std::move(tensors); }, std::move(config), std::move(metadata)) {
  inventory();
}

Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

const Model::Inventory& Model::inventory() const {
  if (!inventory_->is_loaded.load(std::memory_order_acquire))
    std::call_once(inventory_->once, [this] {
      inventory_->fill();
      inventory_->is_loaded.store(true, std::memory_order_release);
    });
  return *inventory_;
}

const std::vector<TensorInfo>& Model::tensors() const { return inventory().tensors; }

const TensorInfo* Model::find(std::string_view name) const {
  const auto& known = inventory();
  const auto it = known.index.find(name);
  return it == known.index.end() ? nullptr : &known.tensors[it->second];
}

const TensorInfo* Model::resolve(std::string_view name) const {
  if (const auto* tensor = find(name)) return tensor;
  const auto kept = metadata_.find(std::string(name));
  return kept == metadata_.end() ? nullptr : find(kept->second);
}

}  // namespace garage

// Model: a config and a tensor inventory. A checkpoint, a TorchScript file and a live module all become one.
//
// No weight is in it: names, dtypes and shapes are all that deciding and decomposing need.
//
// Lifetime  Movable, not copyable. References into it stay valid until it is destroyed.
// Threads   Immutable once built; const members may be used from several threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <garage/dtype.hpp>
#include <garage/export.hpp>

namespace garage {

struct TensorInfo {
  std::string name;  // as the file spells it
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  // row-major; [] is a scalar
  // How the numbers are stored where that is not one after another in that dtype: "Q4_K". Static storage; empty: plain.
  std::string_view encoding = {};

  GARAGE_API std::int64_t elements() const noexcept;  // how many; the largest int64 where the product overflows
};

// "[4096, 4096]"; "[]" for a scalar.
GARAGE_API std::string shape_text(const std::vector<std::int64_t>& shape);

// What is laid over a model's weights: a LoRA.
struct AdapterUse {
  std::filesystem::path path;  // its folder
  double weight = 1;           // how much of it is added

  friend bool operator==(const AdapterUse&, const AdapterUse&) = default;
};

// Where a model came from.
struct Source {
  std::string kind = "memory";              // checkpoint | torchscript | live | memory
  std::filesystem::path path;               // absolute; empty for live and memory
  std::string fingerprint;                  // "xxh3:<16 hex digits>" over config and headers; as path empty
  std::optional<std::uint64_t> bytes = {};  // that its tensors take on disk; null: nobody says
  std::optional<std::string> variant = {};  // of the weights, where the folder has several: "fp16"
  std::vector<AdapterUse> adapters = {};    // in the order in which they are added

  friend bool operator==(const Source&, const Source&) = default;
};

class GARAGE_API Model {
 public:
  using Metadata = std::map<std::string, std::string>;
  using TensorLoader = std::function<std::vector<TensorInfo>()>;

  // Throws kCorrupt if two tensors share a name or a shape has a negative dimension.
  explicit Model(std::vector<TensorInfo> tensors, boost::json::object config = {}, Metadata metadata = {});

  // The tensors are asked for when somebody first wants one: most answers to `detect` need only the config.
  // What load throws, and kCorrupt as above, then comes from tensors, find or resolve.
  Model(TensorLoader load, boost::json::object config, Metadata metadata);

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const std::vector<TensorInfo>& tensors() const;       // sorted by name
  const TensorInfo* find(std::string_view name) const;  // null when absent

  // The tensor of that name, or the one that the file kept in its place (safetensors' save_model drops
  // shared tensors and records `__metadata__[dropped] = kept`). Null when neither is there.
  const TensorInfo* resolve(std::string_view name) const;

  const boost::json::object& config() const noexcept { return config_; }  // empty when there is none
  const Metadata& metadata() const noexcept { return metadata_; }         // the files' own string map

  std::string id;  // what the caller calls it: a hint, never a reason
  Source source;
  std::vector<std::string> notes;  // oddities that are no errors: for people to read

 private:
  struct Inventory;
  const Inventory& inventory() const;

  std::unique_ptr<Inventory> inventory_;
  boost::json::object config_;
  Metadata metadata_;
};

}  // namespace garage

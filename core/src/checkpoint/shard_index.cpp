// The layout, a convention of transformers rather than of safetensors:
//
//   {"metadata": {"total_size": BYTES, ...}, "weight_map": {TENSOR: SHARD, ...}}
#include "shard_index.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <garage/error.hpp>

#include "../bytes/read_file.hpp"
#include "../json/json_events.hpp"
#include "checkpoint_files.hpp"
#include "stand_in.hpp"

namespace garage {
namespace {

constexpr std::uint64_t kMaxIndexSize = 100'000'000;  // bytes; the largest real ones have some ten million

// Handed to the parser's events; a big index is read without a tree of it in memory.
class IndexEvents : public JsonEvents<IndexEvents> {
 public:
  explicit IndexEvents(std::string_view file) : file_(file) {}

  std::vector<std::pair<std::string, std::uint32_t>> weight_map;  // a tensor, and the place of its shard's name
  std::vector<std::string> shards;                                // as they come: the same one may stand here twice
  std::optional<std::uint64_t> total_size;
  bool has_weight_map = false;

  void object_begin() {
    if (depth_ == 2 && in_weight_map_) not_a_string("an object");
    ++depth_;
  }
  void object_end() { --depth_; }
  void array_begin() {
    if (depth_ == 0) fail("is an array, should be an object");
    scalar("an array");
    ++depth_;
  }
  void array_end() { --depth_; }
  void key(std::string_view text) {
    if (depth_ == 1) {
      in_weight_map_ = text == "weight_map";
      in_metadata_ = text == "metadata";
      if (in_weight_map_ && std::exchange(has_weight_map, true)) fail("has 'weight_map' twice");
    } else if (depth_ == 2 && in_weight_map_) {
      weight_map.emplace_back(text, 0);
    } else if (depth_ == 2) {
      at_total_size_ = in_metadata_ && text == "total_size";
    }
  }
  void string(std::string_view text) {
    if (depth_ != 2 || !in_weight_map_) return scalar("a string");
    if (shards.empty() || shards.back() != text) shards.emplace_back(text);
    weight_map.back().second = static_cast<std::uint32_t>(shards.size() - 1);
  }
  void integer(std::int64_t value) { unsigned_integer(static_cast<std::uint64_t>(value)); }
  void unsigned_integer(std::uint64_t value) {
    scalar("a number");
    if (depth_ == 2 && std::exchange(at_total_size_, false)) total_size = value;
  }
  void other(std::string_view what) { scalar(what); }

 private:
  void scalar(std::string_view what) const {
    if (depth_ == 0) fail(fmt::format("is {}, should be an object", what));
    if (depth_ == 1 && in_weight_map_) fail(fmt::format("has {} for its weight_map, should be an object", what));
    if (depth_ == 2 && in_weight_map_) not_a_string(what);
  }
  [[noreturn]] void not_a_string(std::string_view what) const {
    fail(fmt::format("maps tensor '{}' to {}, should be the name of a shard", weight_map.back().first, what));
  }
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", file_, fault));
  }

  std::string_view file_;
  int depth_ = 0;
  bool in_weight_map_ = false, in_metadata_ = false, at_total_size_ = false;
};

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos && name.find('\\') == name.npos &&
         name.find('\0') == name.npos;
}

}  // namespace

ShardIndex read_shard_index(const std::filesystem::path& path) {
  const auto text = read_text_file(path, kMaxIndexSize);
  refuse_stand_in(text, path.string());
  auto events = read_json_events<IndexEvents>(text, path.string(), path.native());
  const auto fail = [&](const std::string& fault) {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", path.string(), fault));
  };
  if (!events.has_weight_map) fail("has no 'weight_map'");
  if (events.weight_map.empty()) fail("its weight_map is empty");

  const bool of_pickles = path.filename().string().starts_with(kPickledIndexStem);
  std::size_t seen = 0;  // of the shards, which come in the order of the tensors that first name them
  for (const auto& [tensor, shard] : events.weight_map) {
    if (shard < seen) continue;
    seen = shard + 1;
    const auto& name = events.shards[shard];
    if (!is_plain_file_name(name))
      fail(fmt::format("maps tensor '{}' to '{}', which is no plain file name: a shard lies beside its index", tensor,
                       name));
    if (!name.ends_with(of_pickles ? ".bin" : ".safetensors"))
      throw Error(Errc::kUnsupported,
                  fmt::format("{}: maps tensor '{}' to '{}', which is no {} and is not read: save the model as "
                              "safetensors, with an index of its own",
                              path.string(), tensor, name, of_pickles ? "*.bin" : "safetensors file"));
  }
  ShardIndex index{path.string(), events.shards, {}, events.total_size};
  std::sort(index.shards.begin(), index.shards.end());
  index.shards.erase(std::unique(index.shards.begin(), index.shards.end()), index.shards.end());
  std::vector<std::uint32_t> places;
  for (const auto& name : events.shards)
    places.push_back(static_cast<std::uint32_t>(std::lower_bound(index.shards.begin(), index.shards.end(), name) -
                                                index.shards.begin()));
  index.weight_map.reserve(events.weight_map.size());
  for (auto& [tensor, shard] : events.weight_map)
    if (const auto [at, fresh] = index.weight_map.emplace(std::move(tensor), places[shard]); !fresh)
      fail(fmt::format("lists tensor '{}' twice", at->first));
  return index;
}

bool index_lists(const std::filesystem::path& index, const std::string& file) {
  try {
    const auto shards = read_shard_index(index).shards;
    return std::binary_search(shards.begin(), shards.end(), file);
  } catch (const Error&) { return false; }
}

void check_shards(const ShardIndex& index, const std::vector<TensorNames>& held) {
  const auto fail = [&](const std::string& fault) {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}", index.path, fault));
  };
  const auto holds = [&](std::uint32_t shard, std::string_view tensor) {
    if (shard >= held.size()) return false;
    return std::find(held[shard].begin(), held[shard].end(), tensor) != held[shard].end();
  };
  std::size_t found = 0;  // each in its own shard; a header has no name twice
  for (std::uint32_t shard = 0; shard < held.size(); ++shard) {
    for (const auto name : held[shard]) {
      const auto listed = index.weight_map.find(name);
      if (listed == index.weight_map.end())
        fail(fmt::format("tensor '{}' is in shard '{}' and not in the index", name, index.shards[shard]));
      const auto& own = index.shards[listed->second];
      if (listed->second != shard && holds(listed->second, name))
        fail(fmt::format("tensor '{}' is in two shards, '{}' and '{}'", name, std::min(own, index.shards[shard]),
                         std::max(own, index.shards[shard])));
      if (listed->second != shard)
        fail(fmt::format("tensor '{}' is in shard '{}', the index says '{}'", name, index.shards[shard], own));
      ++found;
    }
  }
  if (found == index.weight_map.size()) return;
  std::unordered_set<std::string_view> names;  // what is held lies where the index says, as was seen above
  for (const auto& shard : held) names.insert(shard.begin(), shard.end());
  for (const auto& [name, shard] : index.weight_map)
    if (!names.contains(name))
      fail(fmt::format("tensor '{}' is not in shard '{}', where the index says it is; it is in no shard", name,
                       index.shards[shard]));
}

}  // namespace garage

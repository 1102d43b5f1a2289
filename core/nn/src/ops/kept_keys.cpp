#include "kept_keys.hpp"

#include <bit>

#include <ATen/ops/arange.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage::nn {
namespace {

constexpr std::int64_t kLeast = 64;  // positions

// Storage has more positions than are kept: its third dimension, of position_ids the second.
constexpr const char *kKeys = "keys", *kValues = "values", *kPositions = "position_ids", *kLength = "length";

torch::Tensor tensor_of(const Memory& memory, const char* name) {
  const auto found = memory.find(name);
  return found == memory.end() ? torch::Tensor() : found->second;
}

std::int64_t length_of(const Memory& memory) {
  const auto length = tensor_of(memory, kLength);
  return length.defined() ? length.item<std::int64_t>() : 0;
}

void set_length(Memory& memory, std::int64_t length) { memory[kLength] = at::scalar_tensor(length, torch::kInt64); }

// Zeros where nothing was written yet: a weight of zero times what memory happens to hold need not be zero.
torch::Tensor larger(const torch::Tensor& storage, std::vector<std::int64_t> shape, std::int64_t dim,
                     std::int64_t length, const torch::TensorOptions& options) {
  auto grown = torch::zeros(shape, options);
  if (storage.defined() && length > 0) grown.narrow(dim, 0, length).copy_(storage.narrow(dim, 0, length));
  return grown;
}

void reserve(Memory& memory, const Keys& like, std::int64_t positions) {
  const auto capacity = std::max(kLeast, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(positions))));
  const auto length = length_of(memory);
  for (const auto& [name, fresh] : {std::pair(kKeys, like.keys), std::pair(kValues, like.values)}) {
    auto& storage = memory[name];
    if (storage.defined() && storage.size(2) >= positions) continue;
    storage = larger(storage, {fresh.size(0), fresh.size(1), capacity, fresh.size(3)}, 2, length, fresh.options());
  }
  auto& storage = memory[kPositions];
  const auto rows = std::max(storage.defined() ? storage.size(0) : 1, like.positions.size(0));
  if (!storage.defined() || storage.size(0) < rows || storage.size(1) < positions)
    storage = larger(storage, {rows, capacity}, 1, length, like.positions.options());
}

}  // namespace

Keys remember(const std::string& part, Memory& memory, const Keys& fresh, Pass& pass) {
  if (const auto* step = pass.fixed_step()) {
    memory[kKeys].index_copy_(2, step->position, fresh.keys);
    memory[kValues].index_copy_(2, step->position, fresh.values);
    return kept_in(memory, pass);
  }
  const auto held = length_of(memory);
  if (held != pass.seen())
    throw Error(Errc::kInvalidArgument,
                fmt::format("{}: the state holds keys of {} positions, and this pass comes after {}: one state goes "
                            "with the whole model, or with each part by itself",
                            part, held, pass.seen()));
  const auto count = fresh.keys.size(2);
  reserve(memory, fresh, held + count);
  memory[kKeys].narrow(2, held, count).copy_(fresh.keys);
  memory[kValues].narrow(2, held, count).copy_(fresh.values);
  memory[kPositions].narrow(1, held, count).copy_(fresh.positions);
  set_length(memory, held + count);
  return held == 0 ? fresh : kept_in(memory, pass);
}

void show(Memory& memory, const Keys& fresh) {
  memory[kKeys] = fresh.keys;
  memory[kValues] = fresh.values;
  memory[kPositions] = fresh.positions;
  set_length(memory, fresh.keys.size(2));
}

Keys kept_in(const Memory& memory, const Pass& pass) {
  const auto keys = tensor_of(memory, kKeys), values = tensor_of(memory, kValues);
  if (!keys.defined()) return {};
  if (const auto* step = pass.fixed_step())
    return {keys.narrow(2, 0, step->keys), values.narrow(2, 0, step->keys), step->key_positions, {}};
  const auto length = length_of(memory);
  return {keys.narrow(2, 0, length), values.narrow(2, 0, length), tensor_of(memory, kPositions).narrow(1, 0, length), {}};
}

bool keeps_keys(const Memory& memory) {
  return memory.size() == 4 && tensor_of(memory, kKeys).defined() && tensor_of(memory, kLength).defined();
}

void reserve_keys(Memory& memory, std::int64_t positions) {
  reserve(memory, {memory[kKeys], memory[kValues], memory[kPositions], {}}, positions);
}

void count_keys(Memory& memory, std::int64_t positions) {
  const auto from = length_of(memory);
  auto& storage = memory[kPositions];
  storage.narrow(1, from, positions - from).copy_(torch::arange(from, positions, storage.options()));
  set_length(memory, positions);
}

}  // namespace garage::nn

#include "tensor_store.hpp"

#include <cstdint>

#include <torch/csrc/autograd/grad_mode.h>
#include <ATen/ops/from_blob.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/safetensors.hpp>

namespace garage::nn {
namespace {

std::optional<torch::ScalarType> scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kBool: return torch::kBool;
    case DType::kU8: return torch::kUInt8;
    case DType::kI8: return torch::kInt8;
    case DType::kI16: return torch::kInt16;
    case DType::kI32: return torch::kInt32;
    case DType::kI64: return torch::kInt64;
    case DType::kF16: return torch::kFloat16;
    case DType::kBF16: return torch::kBFloat16;
    case DType::kF32: return torch::kFloat32;
    case DType::kF64: return torch::kFloat64;
    case DType::kC64: return torch::kComplexFloat;
    default: return std::nullopt;
  }
}

LocatedModel located(const ModelSpec& spec) {
  if (spec.source.kind != "checkpoint")
    throw Error(
        Errc::kUnsupported,
        fmt::format("'{}' was registered from no checkpoint, so that there are no weights to read", spec.model_id));
  auto source = locate_checkpoint(spec.source.path);
  // The path may be spelled otherwise now; what counts is what the spec was made from.
  if (source.model.source.fingerprint != spec.source.fingerprint)
    throw Error(Errc::kCorrupt,
                fmt::format("{}: changed since '{}' was registered ({}, now {}); register it again", spec.source.path,
                            spec.model_id, spec.source.fingerprint, source.model.source.fingerprint));
  return source;
}

LocatedModel located(const std::filesystem::path& file) {
  const auto header = read_safetensors_header(file);
  std::vector<TensorInfo> tensors;
  std::unordered_map<std::string, TensorLocation> locations;
  for (const auto& [tensor, begin, end] : header.entries) {
    tensors.push_back(tensor);
    locations[tensor.name] = {file, header.data_begin + begin, end - begin};
  }
  Model model(std::move(tensors));
  model.source.path = file.string();
  return {std::move(model), std::move(locations)};
}

torch::Tensor stepped(const torch::Tensor& tensor, const ViewStep& step) {
  const auto& a = step.arguments;
  switch (step.kind) {
    case ViewStep::Kind::select: return tensor.select(a.at(0), a.at(1));
    case ViewStep::Kind::narrow: return tensor.narrow(a.at(0), a.at(1), a.at(2));
    case ViewStep::Kind::transpose: return tensor.transpose(a.at(0), a.at(1));
    case ViewStep::Kind::view: return tensor.view(a);
  }
  return tensor;
}

}  // namespace

TensorStore::TensorStore(const ModelSpec& spec, ModuleOptions options) : options_(options), source_(located(spec)) {}

TensorStore::TensorStore(const std::filesystem::path& file, ModuleOptions options)
    : options_(options), source_(located(file)) {}

torch::Tensor TensorStore::whole(const std::string& name) {
  const auto* info = source_.model.find(name);
  if (!info) throw Error(Errc::kCorrupt, fmt::format("{}: has no tensor '{}'", source_.model.source.path, name));
  const auto type = scalar_type(info->dtype);
  if (!type)
    throw Error(Errc::kUnsupported, fmt::format("{}: tensor '{}' is {}, for which this LibTorch has no type",
                                                source_.model.source.path, name, to_string(info->dtype)));
  const auto& location = source_.locations.at(name);
  if (location.size == 0) return torch::empty(info->shape, *type);
  auto& file = files_[location.file.string()];
  if (!file) file = std::make_shared<MappedFile>(location.file);
  auto* bytes = const_cast<std::uint8_t*>(file->bytes(location.offset, location.size));
  const auto alignment = static_cast<std::uintptr_t>(c10::elementSize(*type));
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignment == 0)
    return torch::from_blob(
        bytes, info->shape, [file](void*) {}, *type);
  // Nothing in the format promises alignment; torch's kernels want it.
  auto copy = torch::empty(info->shape, *type);
  std::memcpy(copy.data_ptr(), bytes, location.size);
  return copy;
}

torch::Tensor TensorStore::tensor(const TensorRef& ref) {
  auto tensor = whole(ref.tensor);
  for (const auto& step : ref.view) tensor = stepped(tensor, step);
  return tensor.to(options_.device, options_.dtype.value_or(tensor.scalar_type()));
}

}  // namespace garage::nn

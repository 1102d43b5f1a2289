#include "abi_model.hpp"

#include <garage/json_writer.hpp>

namespace garage {
namespace {

template <class T>
std::string json_text(const T& object) {
  JsonWriter out;
  write_json(out, object);
  return out.take();
}

}  // namespace

AbiModel::AbiModel(const Model& model, std::string_view id)
    : config_(json_text(model.config())), metadata_(json_text(model.metadata())), view_{} {
  tensors_.reserve(model.tensors().size());
  for (const auto& tensor : model.tensors())
    tensors_.push_back({abi_text(tensor.name), abi_text(to_string(tensor.dtype)), tensor.shape.data(),
                        static_cast<std::uint32_t>(tensor.shape.size()), 0});
  view_.struct_size = sizeof view_;
  view_.tensor_stride = sizeof(garage_tensor);
  view_.model_id = abi_text(id);
  view_.config_json = abi_text(config_);
  view_.metadata_json = abi_text(metadata_);
  view_.tensors = tensors_.data();
  view_.tensor_count = tensors_.size();
}

}  // namespace garage

// Models in memory: a live torch::nn::Module is a model like a checkpoint is. It is recognised by its modules' and
// parameters' names, decomposed into the same spec, and its parts are its own submodules.
//
//   auto spec = registry.register_model("mine", garage::nn::live_model(*module, config));
//   auto attention = garage::nn::get_module(module, *spec, "attention_5");
//
// TorchScript files are opened with open_checkpoint (checkpoint.hpp) and need nothing of this.
#pragma once

#include <memory>
#include <string>

#include <boost/json/object.hpp>
#include <torch/nn/module.h>

#include <garage/export.hpp>
#include <garage/model.hpp>
#include <garage/spec.hpp>

namespace garage::nn {

// Its parameters and buffers by name, dtype and shape; no number is read. A tensor that stands under two names is
// recorded once, as safetensors' save_model does. The config is what would stand in config.json; without one, what
// weights do not tell (the head count) is an error when the model is registered.
// Throws kUnsupported for a tensor of a dtype that the safetensors format has no name for.
GARAGE_API Model live_model(const torch::nn::Module& module, boost::json::object config = {});

// The live module's own submodule for a part of its spec: what is changed in it changes the model.
// Throws kNotFound (no such part), kUnsupported (the part is no module of its own there, as an expert of a stack).
GARAGE_API std::shared_ptr<torch::nn::Module> get_module(const std::shared_ptr<torch::nn::Module>& live,
                                                         const ModelSpec& spec, const std::string& part);

}  // namespace garage::nn

// Registers a checkpoint, looks at its parts, and runs one of them: embed <catalog> <checkpoint>
#include <iostream>

#include <garage/checkpoint.hpp>
#include <garage/error.hpp>
#include <garage/nn/get_module.hpp>
#include <garage/registry.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: embed <catalog> <checkpoint>\n";
    return 4;
  }
  garage::ConfigOverrides overrides;
  overrides.catalog = argv[1];
  garage::ModelRegistry registry(garage::load_config(overrides));
  const auto spec = registry.register_model("mine", garage::open_checkpoint(argv[2]));
  std::cout << spec->family << ", " << spec->num_layers << " layers, " << spec->parameters << " parameters\n";
  for (const auto* part : spec->all_attention_parts())
    std::cout << part->module_path << ": " << part->num_heads.value() << " heads of " << part->head_dim.value() << "\n";

  const auto attention = garage::nn::get_module(registry, "mine", "attention_0");
  const auto dtype = attention->parameters().front().scalar_type();
  const auto output = attention->forward(torch::ones({1, 4, spec->hidden_dim}, dtype));  // (batch, seq, hidden)
  std::cout << "attention_0 gives " << output.sizes() << "\n";
} catch (const garage::Error& error) {
  std::cerr << "error: " << error.what() << "\n";
  return static_cast<int>(error.code());
}

// A plugin's detect and decompose through its C boundary, and the accounting of what it gave. Built once for each plugin,
// whose sources are linked in.
#include <garage/accounting.hpp>
#include <garage/spec_document.hpp>

#include "fuzzer.hpp"
#include "model_mutator.hpp"
#include "plugin/plugin_decomposer.hpp"

extern "C" const garage_plugin* garage_plugin_v1(void);

void garage_fuzz(std::string_view input) {
  static const garage::PluginDecomposer decomposer("fuzzed", garage_plugin_v1());
  auto parsed = garage::fuzz::parse_model(input);
  const garage::Model model(std::move(parsed.tensors), std::move(parsed.config));
  const auto found = decomposer.detect(model);
  garage::fuzz::require(found.score >= 0 && found.score <= 100, "a score is from 0 to 100");
  if (found.score == 0) return;
  auto spec = decomposer.decompose(model);
  garage::account(spec, model);
  // What the accounting let pass can be kept, and counts every number once.
  const auto text = garage::write_spec(spec);
  garage::fuzz::require(garage::write_spec(garage::read_spec(text, "written")) == text, "a spec survives its document");
  garage::fuzz::require(spec.parameters >= 0, "parameters are counted");
}

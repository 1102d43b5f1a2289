// The text models of Gemma 1, 2 and 3 and VaultGemma, by themselves and beside pictures.
#pragma once

#include <optional>
#include <string>

#include <garage/sdk/family.hpp>

// What they have in common.
struct GemmaFacts {
  garage::sdk::StackDims dims;
  garage::sdk::NormStyle norm;
  std::string activation;
  garage::sdk::GqaOptions attention;
  garage::sdk::LayerWindows windows;
  garage::Rope rope;
  std::optional<garage::Rope> local_rope;  // of layers that see a window only
  garage::sdk::EmbeddingOptions embedding;
  garage::sdk::HeadOptions head;
  bool has_post_norms = true;

  GemmaFacts(const garage::sdk::ConfigReader& config, const garage::sdk::StackDims& defaults);
};

// Absent: the class's default. Null: none.
std::optional<double> read_cap(const garage::sdk::ConfigReader& config, std::string_view key,
                               std::optional<double> otherwise);

GemmaFacts read_gemma1(const garage::sdk::ConfigReader& config);
GemmaFacts read_gemma2(const garage::sdk::ConfigReader& config, bool is_vault = false);
GemmaFacts read_gemma3(const garage::sdk::ConfigReader& config);

// Throws kUnsupported where the config asks for attention both ways: GemmaAttention and Gemma2Attention hand that to
// SDPA alone, and the mask stays causal.
void refuse_both_ways(const garage::sdk::ConfigReader& config);

// Gemma 1: two norms a layer. The others: four, or VaultGemma's two before alone.
void add_gemma1(garage::sdk::StackBuilder& text, const GemmaFacts& facts);
void add_sandwiches(garage::sdk::StackBuilder& text, const GemmaFacts& facts);

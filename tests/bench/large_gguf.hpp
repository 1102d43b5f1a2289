// A Llama of 70 billion parameters as a GGUF file, sparse: as large as the real one, and all zeros.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gguf_bytes.hpp"
#include "temporary_folder.hpp"

namespace garage::test {

// In Q4_K, with a vocabulary of 256,000 tokens and as many merges.
class LargeGguf {
 public:
  LargeGguf() {
    file_.pair("general.architecture", "llama").pair("llama.block_count", 80U).pair("llama.context_length", 8192U);
    file_.pair("llama.embedding_length", 8192U).pair("llama.feed_forward_length", 28672U);
    file_.pair("llama.attention.head_count", 64U).pair("llama.attention.head_count_kv", 8U);
    file_.pair("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    for (const auto* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
      auto texts = file_.array(GgufBytes::kText, kTokens);
      for (int i = 0; i < kTokens; ++i) texts += file_.text("token " + std::to_string(i));
      file_.pair(key, GgufBytes::kArray, texts);
    }
    add("token_embd.weight", {8192, kTokens}, kQ4K);
    for (int i = 0; i < 80; ++i) add_layer("blk." + std::to_string(i) + ".");
    add("output_norm.weight", {8192}, kF32);
    add("output.weight", {8192, kTokens}, kQ4K);
    const auto header = file_.file();
    write_text(path, header);
    std::filesystem::resize_file(path, (header.size() + 31) / 32 * 32 + data_);
  }

  TemporaryFolder folder;
  std::filesystem::path path = folder / "llama-70b-Q4_K.gguf";

 private:
  static constexpr std::uint32_t kF32 = 0, kQ4K = 12;  // ggml's numbers
  static constexpr int kTokens = 256'000;

  void add(const std::string& name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type) {
    std::uint64_t numbers = 1;
    for (const auto size : dimensions) numbers *= size;
    file_.tensor(name, dimensions, type, "", data_);
    data_ += type == kF32 ? numbers * 4 : numbers / 256 * 144;
  }
  void add_layer(const std::string& layer) {
    for (const auto* norm : {"attn_norm", "ffn_norm"}) add(layer + norm + ".weight", {8192}, kF32);
    for (const auto* square : {"attn_q", "attn_output"}) add(layer + square + ".weight", {8192, 8192}, kQ4K);
    for (const auto* narrow : {"attn_k", "attn_v"}) add(layer + narrow + ".weight", {8192, 1024}, kQ4K);
    for (const auto* up : {"ffn_gate", "ffn_up"}) add(layer + up + ".weight", {8192, 28672}, kQ4K);
    add(layer + "ffn_down.weight", {28672, 8192}, kQ4K);
  }

  GgufBytes file_;
  std::uint64_t data_ = 0;
};

}  // namespace garage::test

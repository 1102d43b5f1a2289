// Folders of small tokenizers, as tests write them.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>

#include "temporary_folder.hpp"

namespace garage::test {

inline std::filesystem::path tokenizers(std::string_view kind) {
  return std::filesystem::path(GARAGE_TEST_DATA) / "merges/tokenizers" / kind;
}

// {"a": 0, "b": 1}, added_tokens and what else stands at the root, without braces.
inline std::string tokenizer_json(std::string_view vocab, std::string_view added = "[]", std::string_view rest = "",
                                  std::string_view type = "BPE") {
  return std::string(R"({"added_tokens": )") + std::string(added) + std::string(rest) + R"(, "model": {"type": ")" +
         std::string(type) + R"(", "vocab": )" + std::string(vocab) + "}}";
}

// [{"id": 3, "content": "<x>"}]
inline std::string added(std::initializer_list<std::pair<std::string_view, int>> tokens) {
  std::string out = "[";
  for (const auto& [text, id] : tokens)
    out += (out.size() > 1 ? ", " : "") + std::string(R"({"id": )") + std::to_string(id) + R"(, "content": ")" +
           std::string(text) + "\"}";
  return out + "]";
}

class TokenizerFolder : public TemporaryFolder {
 public:
  TokenizerFolder(std::initializer_list<std::pair<std::string_view, std::string>> files) {
    for (const auto& [name, text] : files) write_text(*this / name, text);
  }
};

}  // namespace garage::test

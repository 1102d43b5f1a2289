// TorchScript files by hand: pickles of module trees out of their opcodes, and the zip archive around them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace garage::test {

// Pieces of a pickle, each of which leaves one value on the stack; a memo's key is below 256.
std::string memoize(int key);  // behind a value
std::string recall(int key);
std::string module_of(const std::string& attributes, int key);                      // memoized under key
std::string attribute(std::string_view name, const std::string& value);             // of module_of
std::string tensor(std::uint32_t dimensions = 2);  // [4, 8] of float32 in storage 0; of other dimensions: all 1
std::string many(int count, const std::function<std::string(int)>& piece);

// A tensor in depth modules, each in the one before under `name`.
std::string nested_modules(int depth, const std::string& name);
// The same, each under two names: that one, and `other`.
std::string doubled_modules(int depth, const std::string& name, const std::string& other);

// The file: data.pkl (protocol and stop added where they are missing), constants.pkl, a storage of 128 bytes.
std::string archive(std::string pickle);

}  // namespace garage::test

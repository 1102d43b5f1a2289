#include "pickled_archive.hpp"

#include <vector>

namespace garage::test {
namespace {

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

std::string text(std::string_view value) { return "X" + number(value.size(), 4) + std::string(value); }

struct ZipFile {
  std::string name, data;

  // What its own header and the directory both say. Its checksum is 0: readers of headers do not look at it.
  std::string facts() const {
    return number(20, 2) + number(0, 2) + number(0, 2) + number(0, 4) + number(0, 4) + number(data.size(), 4) +
           number(data.size(), 4) + number(name.size(), 2) + number(0, 2);
  }
};

}  // namespace

std::string memoize(int key) { return "q" + number(static_cast<std::uint64_t>(key), 1); }
std::string recall(int key) { return "h" + number(static_cast<std::uint64_t>(key), 1); }

std::string module_of(const std::string& attributes, int key) {
  return "c__torch__\nM\n)\x81" + memoize(key) + "}(" + attributes + "ub";
}

std::string attribute(std::string_view name, const std::string& value) { return text(name) + value; }

std::string tensor(std::uint32_t dimensions) {
  std::string sizes = "K\x04K\x08", strides = "K\x08K\x01";
  if (dimensions != 2) sizes = strides = many(static_cast<int>(dimensions), [](int) { return std::string("K\x01"); });
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu") +
         "K\x20tQ" + std::string("K\0", 2) + "(" + sizes + "t(" + strides + "t\x89}tR";
}

std::string many(int count, const std::function<std::string(int)>& piece) {
  std::string all;
  for (int i = 0; i < count; ++i) all += piece(i);
  return all;
}

std::string nested_modules(int depth, const std::string& name) {
  auto pickle = module_of(attribute("w", tensor()), 0);
  for (int i = 0; i < depth; ++i) pickle = module_of(attribute(name, pickle), 0);
  return pickle;
}

std::string doubled_modules(int depth, const std::string& name, const std::string& other) {
  auto pickle = module_of(attribute("w", tensor()), 0);
  for (int i = 1; i <= depth; ++i) pickle = module_of(attribute(name, pickle) + attribute(other, recall(i - 1)), i);
  return pickle;
}

std::string archive(std::string pickle) {
  if (!pickle.starts_with('\x80')) pickle = "\x80\x02" + pickle + ".";
  std::string whole, directory;
  const std::vector<ZipFile> files = {
      {"m/data.pkl", std::move(pickle)}, {"m/constants.pkl", "\x80\x02N."}, {"m/data/0", std::string(128, '\0')}};
  for (const auto& file : files) {
    directory += "PK\x01\x02" + number(20, 2) + file.facts() + number(0, 2) + number(0, 2) + number(0, 2) +
                 number(0, 4) + number(whole.size(), 4) + file.name;
    whole += "PK\x03\x04" + file.facts() + file.name + file.data;
  }
  const auto begin = whole.size();
  return whole + directory + "PK\x05\x06" + number(0, 4) + number(files.size(), 2) + number(files.size(), 2) +
         number(directory.size(), 4) + number(begin, 4) + number(0, 2);
}

}  // namespace garage::test

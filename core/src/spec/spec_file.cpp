#include <garage/spec_file.hpp>

#include <garage/durable_file.hpp>
#include <garage/spec_document.hpp>

#include "../bytes/read_file.hpp"
#include "spec_size.hpp"

namespace garage {

ModelSpec read_spec_file(const std::filesystem::path& file) {
  return read_spec(read_text_file(file, kMaxSpecFile), file.string());
}

void write_spec_file(const std::filesystem::path& file, const ModelSpec& spec) {
  write_durably(file, {write_spec(spec)});
}

}  // namespace garage

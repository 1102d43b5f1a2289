#include "pieces.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "marks.hpp"

namespace garage {
namespace {

constexpr std::int64_t kMaxDimension = std::numeric_limits<std::int32_t>::max();

bool is_one_of(DType dtype, std::initializer_list<DType> dtypes) {
  return std::find(dtypes.begin(), dtypes.end(), dtype) != dtypes.end();
}

std::string names_of(std::initializer_list<DType> dtypes) {
  std::vector<std::string_view> names;
  for (const auto dtype : dtypes) names.push_back(to_string(dtype));
  return fmt::format("{}", fmt::join(names, " or "));
}

void sort_by_name(std::vector<const Pieces::Tensor*>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) { return a->info.name < b->info.name; });
}

}  // namespace

Pieces::Pieces(Contents& contents, std::string_view subject)
    : contents_(contents), subject_(subject), is_used_(contents.tensors.size()) {
  by_name_.reserve(contents.tensors.size());
  for (std::size_t i = 0; i < contents.tensors.size(); ++i)
    if (!by_name_.emplace(contents.tensors[i].info.name, i).second)
      corrupt(fmt::format("tensor '{}' stands twice", contents.tensors[i].info.name));
}

std::vector<const Pieces::Tensor*> Pieces::ending_with(std::string_view end) const {
  std::vector<const Tensor*> found;
  for (const auto& tensor : contents_.tensors)
    if (tensor.info.name.ends_with(end) && !is_used_[index_of(tensor)] && !tensor.stored.encoding)
      found.push_back(&tensor);
  sort_by_name(found);
  return found;
}

std::vector<const Pieces::Tensor*> Pieces::of(DType dtype) const {
  std::vector<const Tensor*> found;
  for (const auto& tensor : contents_.tensors)
    if (tensor.info.dtype == dtype && !is_used_[index_of(tensor)] && !tensor.stored.encoding) found.push_back(&tensor);
  sort_by_name(found);
  return found;
}

const Pieces::Tensor* Pieces::find(std::string_view name) const {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    const auto first = contents_.metadata.find(std::string(name));
    if (first != contents_.metadata.end()) found = by_name_.find(first->second);
  }
  return found == by_name_.end() ? nullptr : &contents_.tensors[found->second];
}

const Pieces::Tensor& Pieces::need(const std::string& name, const Tensor& whose) const {
  if (const auto* found = find(name)) return *found;
  corrupt(fmt::format("{} has no '{}' beside it, without which it cannot be read: the checkpoint is not whole",
                      describe(whose), name));
}

void Pieces::expect(const Tensor& piece, const Shape& shape, std::initializer_list<DType> dtypes,
                    const Tensor& whose) const {
  if (piece.info.shape != shape)
    corrupt(fmt::format("{} should have shape {} to fit {}", describe(piece), shape_text(shape), describe(whose)));
  if (!is_one_of(piece.info.dtype, dtypes))
    corrupt(fmt::format("{} should be {} to fit {}", describe(piece), names_of(dtypes), describe(whose)));
}

void Pieces::expect_dtype(const Tensor& piece, std::initializer_list<DType> dtypes) const {
  if (!is_one_of(piece.info.dtype, dtypes)) corrupt(fmt::format("{} should be {}", describe(piece), names_of(dtypes)));
}

void Pieces::expect_rank(const Tensor& piece, std::size_t rank) const {
  const auto& shape = piece.info.shape;
  if (shape.size() != rank) corrupt(fmt::format("{} should have {} dimensions", describe(piece), rank));
  for (const auto length : shape) {
    if (length == 0) corrupt(fmt::format("{} has no numbers", describe(piece)));
    if (length > kMaxDimension)
      unsupported(fmt::format("{} has a dimension of more than {}", describe(piece), kMaxDimension));
  }
}

std::uint64_t Pieces::size_of(const Tensor& piece) const {
  const auto& stored = piece.stored;
  if (!stored.strides.empty() || stored.encoding)
    unsupported(
        fmt::format("{} does not lie in one piece, row after row, which is not read of quantised tensors: save "
                    "it contiguous",
                    describe(piece)));
  const auto elements = static_cast<std::uint64_t>(piece.info.elements());
  const auto width = static_cast<std::uint64_t>(bits(piece.info.dtype));
  const auto size = stored.extents.size() == 1 ? stored.extents[0].size : 0;
  if (elements > std::numeric_limits<std::uint64_t>::max() / width || size != elements * width / 8)
    corrupt(fmt::format("{} has {} bytes, which is not what its shape needs", describe(piece), size));
  return size;
}

std::string Pieces::read(const Tensor& piece, std::uint64_t limit) {
  if (size_of(piece) > limit)
    corrupt(fmt::format("{} says how a weight is stored, and has more than {} bytes", describe(piece), limit));
  const auto& extent = piece.stored.extents[0];
  auto bytes = ReadFile(contents_.weight_files.at(extent.file)).read(extent.offset, extent.size);
  contents_.fingerprint.add(bytes);
  return bytes;
}

void Pieces::fold(const std::string& name, Shape shape, std::shared_ptr<const Encoding> encoding,
                  const std::vector<const Tensor*>& parts) {
  Tensor tensor{{name, DType::kF32, std::move(shape), encoding->name()}, {{}, {}, std::move(encoding)}};
  for (const auto* part : parts) {
    size_of(*part);
    tensor.stored.extents.push_back(part->stored.extents[0]);
    use_up(*part);
  }
  const auto same = by_name_.find(name);
  if (same != by_name_.end() && !is_used_[same->second])
    corrupt(fmt::format("{} and {} stand for the same weight", describe(*parts.front()),
                        describe(contents_.tensors[same->second])));
  folded_.push_back(std::move(tensor));
}

void Pieces::use_up(const Tensor& piece) { is_used_[index_of(piece)] = true; }

void Pieces::leave_out(std::initializer_list<std::string_view> names) {
  std::map<std::string_view, int> counts;
  for (const auto& tensor : contents_.tensors) {
    const auto* name = std::find(names.begin(), names.end(), last_piece(tensor.info.name));
    if (name == names.end() || is_used_[index_of(tensor)] || tensor.stored.encoding) continue;
    ++counts[*name];
    use_up(tensor);
  }
  if (counts.empty()) return;
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) texts.push_back(fmt::format("{} {}", count, name));
  contents_.notes.push_back(
      fmt::format("left out, since activations are not quantised here: {}", fmt::join(texts, ", ")));
}

void Pieces::finish() {
  std::vector<Tensor> left;
  left.reserve(contents_.tensors.size());
  for (std::size_t i = 0; i < contents_.tensors.size(); ++i)
    if (!is_used_[i]) left.push_back(std::move(contents_.tensors[i]));
  std::move(folded_.begin(), folded_.end(), std::back_inserter(left));
  by_name_.clear();
  contents_.tensors = std::move(left);
}

std::string Pieces::describe(const Tensor& tensor) {
  return fmt::format("tensor '{}' of {} {}", tensor.info.name, to_string(tensor.info.dtype),
                     shape_text(tensor.info.shape));
}

void Pieces::corrupt(const std::string& what) const {
  throw Error(Errc::kCorrupt, fmt::format("{}: {}", subject_, what));
}
void Pieces::unsupported(const std::string& what) const {
  throw Error(Errc::kUnsupported, fmt::format("{}: {}", subject_, what));
}

}  // namespace garage

#include <garage/nn/diff_weights.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include <sys/mman.h>
#include <unistd.h>

#include <ATen/ops/equal.h>

#include <fmt/format.h>

#include <garage/error.hpp>
#include <garage/tensor_roles.hpp>

#include "../weights/tensor_store.hpp"

namespace garage::nn {
namespace {

constexpr std::int64_t kPiece = 1 << 20;  // elements: of each there are some copies in float64

// One tensor's numbers, in pieces of rows: of an encoded one no more is decoded at once than is looked at.
class Numbers {
 public:
  explicit Numbers(torch::Tensor whole) : whole_(std::move(whole)) {}
  Numbers(const TensorStore& store, const TensorRef& ref) : store_(&store), ref_(&ref) {}

  torch::Tensor whole() const { return store_ ? store_->tensor(*ref_) : whole_; }
  torch::Tensor rows(std::int64_t first, std::int64_t count) const {
    return store_ ? store_->rows(*ref_, first, count) : whole_.narrow(0, first, count);
  }

 private:
  torch::Tensor whole_;
  const TensorStore* store_ = nullptr;
  const TensorRef* ref_ = nullptr;
};

// One model's tensors, read once and forgotten: its files are mapped for this alone.
class Side {
 public:
  Side(const ModelSpec& spec, const PluginHost& plugins)
      : store_(WeightFiles::unshared(spec, plugins.folders()), Placements({torch::kCPU, std::nullopt, true})) {}

  void require_tensors(const PartSpec& part, const std::string& name) const { store_.require_tensors(part, name); }
  Numbers numbers(const TensorRef& ref) const {
    if (store_.is_encoded(ref) && ref.view.empty()) return Numbers(store_, ref);
    return Numbers(store_.tensor(ref));
  }
  void forget() const { store_.files()->forget(); }

 private:
  TensorStore store_;
};

struct Pair {
  Numbers a, b;
  std::vector<std::int64_t> shape;
};

// Maps the pages of what is read next at once, instead of by a fault for each few of them. Where the system cannot, or
// the file was cut off, the faults come, and MappedFile sees to them.
void fetch(const torch::Tensor& piece) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (!piece.is_contiguous() || piece.numel() == 0) return;
  const auto begin = reinterpret_cast<std::uintptr_t>(piece.data_ptr());
  const auto from = begin / page * page;
  ::madvise(reinterpret_cast<void*>(from), begin + piece.nbytes() - from, MADV_POPULATE_READ);
}

// Both tensors in pieces of whole rows, each forgotten when it was looked at; as long as the visit says true.
template <class Visit, class Forget>
bool each_piece(const Pair& pair, Visit visit, Forget forget) {
  const auto elements = TensorInfo{{}, DType::kF32, pair.shape}.elements();
  if (pair.shape.empty() || elements == 0) return visit(pair.a.whole(), pair.b.whole());
  const auto rows = pair.shape.front();
  const auto step = std::max<std::int64_t>(1, kPiece / std::max<std::int64_t>(1, elements / rows));
  for (std::int64_t row = 0; row < rows; row += step) {
    const auto count = std::min(step, rows - row);
    const auto a = pair.a.rows(row, count), b = pair.b.rows(row, count);
    fetch(a);
    fetch(b);
    const bool goes_on = visit(a, b);
    forget();
    if (!goes_on) return false;
  }
  return true;
}

bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.scalar_type() != b.scalar_type()) return false;
  if (a.is_contiguous() && b.is_contiguous()) return std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
  return at::equal(a, b);
}

struct Sums {
  double a_a = 0, b_b = 0, a_b = 0, difference = 0, largest = 0;

  void add(const torch::Tensor& a, const torch::Tensor& b) {
    if (a.numel() == 0) return;
    const auto x = a.to(torch::kFloat64), y = b.to(torch::kFloat64), apart = x - y;
    a_a += x.square().sum().item<double>();
    b_b += y.square().sum().item<double>();
    a_b += (x * y).sum().item<double>();
    difference += apart.square().sum().item<double>();
    largest = std::max(largest, apart.abs().max().item<double>());
  }
};

template <class Forget>
WeightDifference difference_of(const std::string& name, const std::string& type, const std::vector<Pair>& tensors,
                               Forget forget) {
  WeightDifference result{name, type, true, 0, 0, 1};
  for (const auto& pair : tensors) result.equal = result.equal && each_piece(pair, same_bits, forget);
  if (result.equal) return result;
  Sums sums;
  const auto add = [&](const torch::Tensor& a, const torch::Tensor& b) {
    sums.add(a, b);
    return true;
  };
  for (const auto& pair : tensors) each_piece(pair, add, forget);
  const auto product = std::sqrt(sums.a_a) * std::sqrt(sums.b_b);
  result.largest = sums.largest;
  result.cosine = product > 0 ? sums.a_b / product : sums.a_a == sums.b_b ? 1 : 0;
  result.relative_norm = sums.a_a > 0   ? std::sqrt(sums.difference / sums.a_a)
                         : sums.b_b > 0 ? std::numeric_limits<double>::infinity()
                                        : 0;
  return result;
}

// Why two parts of one name cannot be compared; empty when they can.
std::string mismatch(const PartSpec& a, const PartSpec* b) {
  if (!b || !b->blueprint) return "the second model has no such part";
  std::map<std::string, std::vector<std::int64_t>> theirs;
  for (auto& role : tensor_roles(*b)) theirs[role.role] = role.shape;
  const auto roles = tensor_roles(a);
  for (const auto& role : roles) {
    const auto found = theirs.find(role.role);
    if (found == theirs.end()) return fmt::format("the second model's has no {}", role.role);
    if (found->second != role.shape)
      return fmt::format("{} is {} and {}", role.role, shape_text(role.shape), shape_text(found->second));
  }
  if (theirs.size() != roles.size())
    return fmt::format("it has {} tensors, the second model's {}", roles.size(), theirs.size());
  return {};
}

}  // namespace

WeightComparison diff_weights(const ModelRegistry& registry, const std::string& a, const std::string& b,
                              const std::function<void(std::size_t, std::size_t)>& progress) {
  const auto spec_a = registry.require_spec(a), spec_b = registry.require_spec(b);
  const Side side_a(*spec_a, registry.plugins()), side_b(*spec_b, registry.plugins());
  WeightComparison result;
  std::size_t done = 0;
  for (const auto& [name, part] : spec_a->parts) {
    if (progress) progress(done++, spec_a->parts.size());
    if (!part.blueprint) throw Error(Errc::kUnsupported, fmt::format("'{}' has no blueprints; register it again", a));
    const auto roles = tensor_roles(part);
    if (roles.empty()) continue;  // it is made of others, or has no weights
    const auto* other = spec_b->parts.find(name);
    if (const auto why = mismatch(part, other); !why.empty()) {
      result.left_out.push_back(fmt::format("{}: {}", name, why));
      continue;
    }
    side_a.require_tensors(part, name);
    side_b.require_tensors(*other, name);
    const auto other_roles = tensor_roles(*other);
    std::map<std::string, const TensorRef*> theirs;
    for (const auto& role : other_roles) theirs[role.role] = role.ref;
    std::vector<Pair> tensors;
    for (const auto& role : roles)
      tensors.push_back({side_a.numbers(*role.ref), side_b.numbers(*theirs.at(role.role)), role.shape});
    result.parts.push_back(difference_of(name, part.part_type, tensors, [&] {
      side_a.forget();
      side_b.forget();
    }));
  }
  if (progress) progress(spec_a->parts.size(), spec_a->parts.size());
  return result;
}

}  // namespace garage::nn

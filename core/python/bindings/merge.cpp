#include "merge.hpp"

#include <optional>

#include <garage/error.hpp>

#include "bindings.hpp"
#include "described.hpp"

namespace garage::python {
namespace {

// Calls Python from whatever thread writes. What it raises is kept, and an Error takes its way through core.
class Progress {
 public:
  explicit Progress(const py::object& function) : function_(function) {}

  void report(std::uint64_t done, std::uint64_t of) {
    py::gil_scoped_acquire acquire;
    if (type_) throw broken_off();
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!function_.is_none()) function_(done, of);
    } catch (py::error_already_set& raised) {
      raised.restore();
      PyErr_Fetch(&type_, &value_, &trace_);
      throw broken_off();
    }
  }

  // Requires: the GIL. Throws what was raised.
  void require_nothing_raised() {
    if (!type_) return;
    PyErr_Restore(type_, value_, trace_);
    type_ = nullptr;
    throw py::error_already_set();
  }

 private:
  static Error broken_off() {
    return Error(Errc::kInternal, "the merge was broken off by the function that hears of its progress");
  }

  const py::object& function_;
  PyObject *type_ = nullptr, *value_ = nullptr, *trace_ = nullptr;
};

}  // namespace

MergeSummary merge(const ModelRegistry& registry, const MergeRequest& request) {
  Progress progress(request.progress);
  MergeOptions options{request.shard_size, request.resume, {}};
  options.progress = [&](std::uint64_t done, std::uint64_t of) { progress.report(done, of); };
  try {
    py::gil_scoped_release release;
    const Merge merge(registry, request.recipe);
    auto summary = merge.summary();
    if (request.output) merge.write(*request.output, options);
    return summary;
  } catch (const Error&) {
    progress.require_nothing_raised();
    throw;
  }
}

void bind_merge(py::module_& module) {
  bind_described<MergedLayers>(module, "MergedLayers", "Layers of the result that are made in one way.");
  bind_described<MergeSummary>(module, "MergeSummary", "What a merge makes, or is going to make.");
}

}  // namespace garage::python

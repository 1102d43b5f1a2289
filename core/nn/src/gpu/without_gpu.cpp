// Of a LibTorch that knows no CUDA: nothing is uploaded and nothing captured, and whoever asks first is told so.
#include <garage/error.hpp>

#include "step_graph.hpp"
#include "uploads.hpp"

namespace garage::nn {
namespace {

[[noreturn]] void refuse() { throw Error(Errc::kInternal, "this build has no code for GPUs"); }

}  // namespace

struct Uploads::Job {};
Uploads::Uploads() = default;
Uploads::~Uploads() = default;
bool Uploads::serve(torch::Device) { return false; }
void Uploads::add(const torch::Tensor&, std::shared_ptr<const MappedFile>, std::uint64_t) { refuse(); }
void Uploads::add(const torch::Tensor&, const torch::Tensor&) { refuse(); }
void Uploads::then(std::function<void()>) { refuse(); }
void Uploads::finish() {}
std::uint64_t Uploads::under_way() const { return 0; }

struct StepGraph::Graph {};
bool StepGraph::serves(torch::Device) { return false; }
bool StepGraph::is_capturing(torch::Device) { return false; }
StepGraph::StepGraph(torch::Device, const std::function<void()>&) { refuse(); }
StepGraph::~StepGraph() = default;
void StepGraph::replay() { refuse(); }

}  // namespace garage::nn

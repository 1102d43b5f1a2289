// LongcatFlashDecoderLayer (modeling_longcat_flash.py): attention, feed-forward, attention, feed-forward, and beside
// the last three a mixture, which reads what the first feed-forward reads and is added at the end.
#include <string>
#include <vector>

#include <garage/nn/nn_library.hpp>
#include <garage/nn/pass.hpp>

#include "own_modules.hpp"

namespace {

using garage::nn::CustomPart;
using garage::nn::PartModule;
using garage::nn::Pass;

// In the order in which the layer's decomposition names them.
enum Member {
  kFirstNorm,
  kFirstAttention,
  kFirstMlpNorm,
  kFirstMlp,
  kMixture,
  kSecondNorm,
  kSecondAttention,
  kSecondMlpNorm,
  kSecondMlp,
  kMembers
};

class Layer : public PartModule {
 public:
  explicit Layer(const CustomPart& part) : PartModule(part.name) {
    if (part.custom.parts.size() != kMembers)
      throw garage::Error(garage::Errc::kCorrupt, part.name + ": has " + std::to_string(part.custom.parts.size()) +
                                                      " parts, a layer of LongCat has " + std::to_string(kMembers));
    for (const auto& member : part.custom.parts)
      members_.push_back(register_module(member.part, part.part(member.part)));
  }

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    const auto run = [&](Member member, const torch::Tensor& x) {
      return members_[static_cast<std::size_t>(member)]->forward(x, pass);
    };
    auto x = input + run(kFirstAttention, run(kFirstNorm, input));
    const auto normed = run(kFirstMlpNorm, x);
    const auto beside = run(kMixture, normed);
    x = x + run(kFirstMlp, normed);
    x = x + run(kSecondAttention, run(kSecondNorm, x));
    return x + run(kSecondMlp, run(kSecondMlpNorm, x)) + beside;
  }

 private:
  std::vector<std::shared_ptr<PartModule>> members_;
};

}  // namespace

std::shared_ptr<PartModule> make_layer(const CustomPart& part) { return std::make_shared<Layer>(part); }

// OPTDecoder.forward, where the embeddings are projected first: inputs_embeds + embed_positions(position_ids).
#include <memory>
#include <string>

#include <garage/nn/custom_module.hpp>

namespace {

using garage::nn::CustomModule;
using garage::nn::CustomPart;
using garage::nn::Pass;

class AddedPositions : public CustomModule {
 public:
  explicit AddedPositions(const CustomPart& part)
      : CustomModule(part), offset_(part.custom.attributes.at("offset").to_number<std::int64_t>()) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override {
    const auto& table = of("weight");
    require_hidden_states(input, hidden(), table.options());
    const auto positions = pass.position_ids(input.device());
    const auto count = table.size(0) - offset_;
    if (const auto last = positions.numel() > 0 ? positions.max().item<std::int64_t>() : 0; last >= count)
      throw garage::Error(garage::Errc::kInvalidArgument, name() + ": position " + std::to_string(last) +
                                                              " is outside its " + std::to_string(count) + " rows");
    const auto rows = table.index_select(0, (positions + offset_).flatten());
    return input + rows.view({positions.size(0), positions.size(1), hidden()});  // (batch or 1, seq, hidden)
  }

 private:
  std::int64_t offset_;  // the row of position 0
};

std::shared_ptr<garage::nn::PartModule> make_added_positions(const CustomPart& part) {
  return std::make_shared<AddedPositions>(part);
}

}  // namespace

GARAGE_NN_LIBRARY({{"added_positions", &make_added_positions}});

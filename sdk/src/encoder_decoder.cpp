#include <garage/sdk/encoder_decoder.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <garage/blueprint/walk.hpp>

namespace garage::sdk {
namespace {

bool lies_beside(const PartSpec& part) {
  return part.part_type == part_type::kOutputHead || part.part_type == part_type::kClassifier;
}

// The parts of one stack under their names in the whole.
class Side {
 public:
  Side(std::string name, ModelSpec spec) : name_(std::move(name)), spec_(std::move(spec)) {}

  void move_to(PartTable& parts) {
    for (auto& [name, part] : spec_.parts) walk(*part.blueprint, Renamed(*this));
    for (auto& [name, part] : spec_.parts) {
      const auto moved = in_whole(name);  // which reads the part
      parts.add(moved, std::move(part));
    }
  }

 private:
  struct Renamed : BlueprintVisitor {
    explicit Renamed(const Side& side) : side(side) {}
    const Side& side;

    // Of a blueprint that is ours to change.
    void part(const BlueprintPath&, const std::string& name, PartRole) {
      const_cast<std::string&>(name) = side.in_whole(name);
    }
  };

  std::string in_whole(const std::string& name) const {
    if (name == spec_.root) return name_;
    return lies_beside(*spec_.parts.find(name)) ? name : name_ + "." + name;
  }

  std::string name_;
  ModelSpec spec_;
};

// The decoder's embedding and a head that is tied to it are the encoder's, where these are one tensor.
void tie(PartTable& parts) {
  const auto* mine = parts.find("encoder.embedding");
  auto* theirs = parts.find("decoder.embedding");
  if (!mine || !theirs) return;
  auto& embedding = std::get<Embedding>(*theirs->blueprint);
  if (embedding.weight != std::get<Embedding>(*mine->blueprint).weight) return;
  embedding.tied_to = "encoder.embedding";
  for (auto& [name, part] : parts)
    if (auto* head = std::get_if<OutputHead>(&*part.blueprint); head && head->tied_to == "decoder.embedding")
      head->tied_to = "encoder.embedding";
}

// What one side leaves to the other.
void claim_embeddings(ModelSpec& whole) {
  for (const auto* name : {"encoder.embedding", "decoder.embedding"})
    if (const auto* part = whole.parts.find(name))
      std::erase_if(whole.ignored, [&](const IgnoredTensors& row) {
        return row.tensors == std::get<Embedding>(*part->blueprint).weight.tensor;
      });
}

template <class T>
void add_others(std::vector<T>& all, std::vector<T> more) {
  for (auto& each : more)
    if (std::find(all.begin(), all.end(), each) == all.end()) all.push_back(std::move(each));
}

}  // namespace

ModelSpec joined(ModelSpec encoder, ModelSpec decoder) {
  ModelSpec whole = encoder;
  whole.parts = {};
  whole.num_layers += decoder.num_layers;
  whole.extra_info["encoder_layers"] = encoder.num_layers;
  whole.extra_info["decoder_layers"] = decoder.num_layers;
  whole.extra_info["decoder_heads"] = decoder.num_heads;
  for (const auto& [key, value] : decoder.extra_info) whole.extra_info.emplace(key, value);
  add_others(whole.notes, std::move(decoder.notes));
  add_others(whole.ignored, std::move(decoder.ignored));
  Side("encoder", std::move(encoder)).move_to(whole.parts);
  Side("decoder", std::move(decoder)).move_to(whole.parts);
  tie(whole.parts);
  claim_embeddings(whole);
  auto& both = whole.parts.add("model");
  both.part_type = part_type::kStack;
  both.input_dim = whole.parts.find("encoder")->input_dim;
  both.output_dim = whole.parts.find("decoder")->output_dim;
  both.blueprint = EncoderDecoder{"encoder", "decoder"};
  whole.root = "model";
  return whole;
}

}  // namespace garage::sdk

#pragma once

#include <string_view>

#include <garage/blueprint/faults.hpp>
#include <garage/blueprint/part_ref.hpp>

namespace garage {

// Two stacks: the decoder's attentions `from_memory` read the encoder's output.
struct EncoderDecoder {
  static constexpr std::string_view kName = "encoder_decoder";
  static constexpr auto kServesAs = kServes<PartRole::stack>;

  PartRef<PartRole::stack> encoder, decoder;

  void check(Faults& faults) const {
    faults.present("encoder", encoder.part);
    faults.present("decoder", decoder.part);
  }
  friend bool operator==(const EncoderDecoder&, const EncoderDecoder&) = default;
};
BOOST_DESCRIBE_STRUCT(EncoderDecoder, (), (encoder, decoder))

}  // namespace garage

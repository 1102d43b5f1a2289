// Blueprints: what a part computes, as data. The SDK writes them, nn builds modules from them, the comparison
// reads them; a part that carries its blueprint and its weights runs without the family's plugin.
//
// An op is written in one place: a header below blueprint/ has its struct, which tensors it reads of which shapes, and
// its rules; core/nn/src/ops/ has its module; the variant below has its name. All that goes over blueprints goes by
// blueprint/walk.hpp, which finds what an op says by its struct:
//
//   kName, kServesAs   what documents call it, and where it may stand in others
//   kSizes             members that the shapes of its tensors say too
//   kNeeds             members that a document must have, since the default would compute something else
//   kUnnamed           a member whose tensors bear no prefix in their roles
//   kTied              the role of the tensor that is another part's where it is `tied_to` that one
//   kBuffers           roles of tensors whose numbers are no learned parameters
//   each_tensor        its own tensors, by role, with the shape that its sizes demand
//   input, output      numbers per position that go in and come out, where it knows them by itself
//   check              its rules
//
// Every struct is described (Boost.Describe), so that JSON comes both ways without code of its own. Member and
// enumerator names are the words of the document; that is why enumerators are lower case here. A member that a document
// leaves out has its default here: so one that is added later needs a default that changes nothing.
#pragma once

#include <variant>

#include <garage/blueprint/attention.hpp>
#include <garage/blueprint/channel_state_space.hpp>
#include <garage/blueprint/custom.hpp>
#include <garage/blueprint/delta_net.hpp>
#include <garage/blueprint/dense.hpp>
#include <garage/blueprint/embedding.hpp>
#include <garage/blueprint/encoder_decoder.hpp>
#include <garage/blueprint/feed_forward.hpp>
#include <garage/blueprint/head_state_space.hpp>
#include <garage/blueprint/layer.hpp>
#include <garage/blueprint/linear.hpp>
#include <garage/blueprint/mixture.hpp>
#include <garage/blueprint/norm.hpp>
#include <garage/blueprint/output_head.hpp>
#include <garage/blueprint/pooling.hpp>
#include <garage/blueprint/rope.hpp>
#include <garage/blueprint/router.hpp>
#include <garage/blueprint/short_convolution.hpp>
#include <garage/blueprint/sinusoidal_embedding.hpp>
#include <garage/blueprint/stack.hpp>

namespace garage {

using Blueprint =
    std::variant<Linear, Dense, Norm, Rope, Attention, DeltaNet, ChannelStateSpace, HeadStateSpace, ShortConvolution,
                 FeedForward, Router, Mixture, Embedding, SinusoidalEmbedding, Pooling, OutputHead, Layer, Stack,
                 EncoderDecoder, Custom>;

}  // namespace garage

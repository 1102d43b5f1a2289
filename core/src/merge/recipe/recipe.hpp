// Recipe: what `garage merge` is to make, as its file says it.
//
// The file is mergekit's YAML. `models` is read as one slice of whole models, and `modules` with one module as what is
// in it. Beyond mergekit there are these keys:
//
//   parts:                                      # a part of the result is another model's part
//     attention_5: other/model:attention_7      # behind the last colon the part's name
//     ffn_2: {model: {model: other/model, lora: poet}, part: ffn_3}
//   allow: [rope.theta]                         # fields in which such a part may differ from what it replaces
//   mixture:                                  # dense models' feed-forwards become the experts of a mixture
//     as: mixtral                             # its class, as a table beside a plugin says it
//     experts: [one/model, other/model]       # in every layer, in the order of the router's scores
//     experts_per_token: 2
//     router: random                          # or {model: M}: those of a mixture
//   tie_word_embeddings: false                # the head has a tensor of its own, or (true) is the embedding's
//   seed: 7                                     # of methods that draw random numbers
//
// Lifetime  A value, with all that it needs.
// Threads   May be read by several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <garage/dtype.hpp>

#include "model_reference.hpp"
#include "setting.hpp"

namespace garage {

class MergeMethod;

using Settings = std::map<std::string, Setting, std::less<>>;  // by the parameter's name

struct LayerRange {
  std::int64_t first = 0, end = 0;  // 0 <= first < end

  std::int64_t layers() const { return end - first; }
  bool operator==(const LayerRange&) const = default;
};

struct RecipeSource {
  ModelReference model;
  std::optional<LayerRange> layers;  // nothing: all of them; then all sources of the recipe are whole models
  Settings parameters;
  std::string where;  // for errors: "merge.yaml:4:7: 'slices[0].sources[1]'"
};

// Layers of the result, each made of one layer of every source. The first slice also gives what stands before the
// layers (the embedding), the last one what stands behind them (the final norm, the head).
struct RecipeSlice {
  std::vector<RecipeSource> sources;  // at least one, with the same number of layers
  // Which source is the base, when the method takes one. A base that is not among `models` is the last source, without
  // parameters.
  std::optional<std::size_t> base;
  bool is_base_listed = false;  // whether the file has it among the sources
  Settings parameters;
  std::string where;
};

// What a tokenizer is made of.
struct UnionOfTokenizers {};  // all tokens of all models
struct BaseTokenizer {};      // the base model's
using TokenizerSource = std::variant<UnionOfTokenizers, BaseTokenizer, ModelReference>;

// Where the embedding of one token comes from.
struct DefaultEmbedding {};  // whatever it would be without being named
struct ZeroEmbedding {};
struct ModelTokenEmbedding {
  ModelReference model;
  std::variant<std::int64_t, std::string> token;  // its id or its text in that model
};
struct RecipeToken {
  std::string token;
  std::variant<DefaultEmbedding, ZeroEmbedding, ModelTokenEmbedding, ModelReference>
      embedding;           // a model: its same token
  bool is_forced = false;  // also for models that have the token
  std::string where;
};

struct RecipeTokenizer {
  TokenizerSource source;
  std::vector<RecipeToken> tokens;                 // in the file's order
  std::optional<std::int64_t> pad_to_multiple_of;  // at least 1
  std::string where;
};

struct RecipePart {
  std::string part;  // of the result: "attention_5"
  ModelReference model;
  std::string model_part;
  std::string where;
};

// Dense models whose feed-forwards become the experts of every layer.
struct RecipeMixture {
  struct Named {
    ModelReference model;
    std::string where;
  };
  std::string layout;                  // "mixtral"
  std::vector<Named> experts;          // at least two
  std::int64_t experts_per_token = 0;  // from 1 to all of them
  std::optional<Named> router;         // a mixture whose routers they are; nothing: random numbers
  std::string where, where_layout;
};

struct Recipe {
  std::string text;  // as its file has it
  std::string name;  // empty: none
  const MergeMethod* method = nullptr;
  std::vector<RecipeSlice> slices;  // at least one
  std::optional<ModelReference>
      base_model;                         // also where the method takes none: its config and tokenizer may be asked for
  Settings module_parameters;             // below `modules`; they come before the global ones
  Settings parameters;                    // global
  std::optional<DType> dtype, out_dtype;  // F32, F16 or BF16: what is computed in, what is written
  std::optional<RecipeTokenizer> tokenizer;
  std::optional<std::string> chat_template;  // "auto", or the template itself
  std::vector<RecipePart> parts;             // in the file's order
  std::vector<std::string> allow;
  std::optional<RecipeMixture> mixture;
  std::optional<bool> tie_word_embeddings;  // nothing: as in the base
  std::uint64_t seed = 0;
  std::vector<std::string> notes;  // what is said and has no effect, a sentence each
};

// Throws kInvalidArgument with file, line and column; the known word nearest to an unknown one is named. kUnsupported
// for several modules.
Recipe parse_recipe(std::string_view yaml, const std::string& file);
// Throws what reading a file throws, too.
Recipe read_recipe(const std::filesystem::path& file);

// Where a tensor of the result stands.
struct RecipePosition {
  std::size_t slice = 0;
  double t = 0;  // from 0 to 1
};
// layer: within the slice, of so many.
RecipePosition layer_position(std::size_t slice, std::int64_t layer, std::int64_t layers);
// Of a gradient both get what stands at its beginning: so does mergekit.
RecipePosition position_before_layers(const Recipe& recipe);  // the first slice: embeddings
RecipePosition position_behind_layers(const Recipe& recipe);  // the last slice: the final norm, the head

// What the recipe says of a parameter: the source's own word, then the slice's, the module's, the global one; of each
// level the first condition that holds. Nothing when none does.
// source: the index, for a parameter that is per model; nothing for one of all models together.
// tensor: its name as that source has it; for all together as the result has it.
std::optional<double> parameter_at(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source,
                                   const RecipePosition& position, std::string_view tensor);

// Whether any level that parameter_at would ask says something of it, for whichever tensors.
bool is_set(const Recipe& recipe, std::string_view name, std::optional<std::size_t> source, std::size_t slice);

}  // namespace garage

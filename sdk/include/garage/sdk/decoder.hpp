// DecoderBuilder: the parts of a decoder-only transformer, named and wired the one way that all plugins share.
//
// A family's `decompose` reads its dimensions, then adds part after part; what each computes it says with the structs
// of blueprint.hpp. Shapes are not checked here: core does that for every plugin alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>
#include <garage/sdk/config_reader.hpp>
#include <garage/sdk/model_class.hpp>
#include <garage/spec.hpp>

namespace garage::sdk {

struct DecoderDims {
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t intermediate = 0;
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0;
};

// The dimensions in the keys that Llama and its many relatives share. defaults are the config class's own, for keys
// that are absent; kv_heads 0 there means "as many as heads", head_dim 0 means "hidden / heads".
// Throws kCorrupt, also when heads do not divide hidden or kv_heads do not divide heads.
DecoderDims read_decoder_dims(const ConfigReader& config, const DecoderDims& defaults);

// head_dim = hidden / heads. Throws kCorrupt unless it divides.
std::int64_t split_into_heads(const ConfigReader& config, std::int64_t hidden, std::int64_t heads);

// How a family's classes and files name things. Modules are told without the prefix: "layers.0.mlp".
struct DecoderNames {
  std::string family;
  std::string base_class;  // the class without a head, "LlamaModel": its modules have no prefix
  std::string prefix;      // of the modules in the class with a head: "model."; a file may have it, or one of these
  std::vector<std::string> other_prefixes = {""};
  std::string embedding;                         // the token embedding's module: "embed_tokens"
  std::string layers;                            // the list of layers: "layers"
  std::string layers_key = "num_hidden_layers";  // what the config calls their number
  std::vector<std::string> heads = {"lm_head"};  // the head's module, as any file names it; first as transformers does
  std::string token_head = "score";              // of the class ForTokenClassification
  bool all_modules = false;  // the parts are all modules that the class has: what a file has besides is left out
};

// How a model's head is tied to its embedding.
struct HeadFacts {
  bool declared_tied = false;     // the config's tie_word_embeddings, with the class's default
  bool tied_when_absent = false;  // a file without a head is tied whatever its config says: Gemma's are
  bool bias = false;
  std::optional<double> softcap;  // of the logits
};

// Rows start to start + length of a projection that several share, of its bias too.
Linear rows(Linear fused, std::int64_t start, std::int64_t length);

// How many tensors have a name that begins so.
std::int64_t count_tensors(const Model& model, const std::string& start);

// How many modules a list has: one more than the highest i of tensors named "<list>.<i>.…", but no more than there are
// such tensors.
std::int64_t count_modules(const Model& model, const std::string& list);

class DecoderBuilder {
 public:
  // Starts the spec. The model must outlive the builder.
  // What training wrappers put before every name ("_orig_mod.", "base_model.model.") is seen through; the spec's
  // extra_info then says it as "tensor_prefix", and its notes say it too.
  // Throws kCorrupt when the config's number of layers is not that of the tensors, kUnsupported for an adapter that is
  // not merged, for other checkpoints that are no whole model, and for a class of code of its own (auto_map) that is not
  // beside the base class.
  DecoderBuilder(const Model& model, DecoderDims dims, DecoderNames names);

  const DecoderDims& dims() const noexcept { return dims_; }
  ModelSpec& spec() noexcept { return spec_; }

  // --- tensors, by module: "layers.0.self_attn.q_proj"

  // What stands before every name, before the names' own prefix: "" for most files.
  const std::string& wrapper() const noexcept { return wrapper_; }

  // How many modules a list has, by the highest index in the file: "layers.0.mlp.experts".
  std::int64_t count_modules(std::string_view list) const;
  bool has_any(std::string_view start) const;                    // a tensor whose name begins so
  bool has(std::string_view name) const;                         // "layers.0.self_attn.q_proj.bias"
  std::vector<std::int64_t> shape(std::string_view name) const;  // empty when absent
  TensorRef tensor(std::string_view name) const;                 // under the name that the file uses
  Linear linear(std::string_view module, bool bias) const;
  Linear conv1d(std::string_view module) const;  // transformers' Conv1D: weight [in, out], with a bias
  Norm rms_norm(std::string_view module, double eps) const;
  Norm layer_norm(std::string_view module, double eps) const;  // with a bias

  // --- parts, in the order in which they are added. module paths are without prefix.

  void embedding(const std::string& name, std::string_view module, std::int64_t rows, Embedding embedding);
  void rotary(const Rope& rope, const std::string& name = "rotary_emb");
  void norm(const std::string& name, std::optional<std::int64_t> layer, std::string_view module, Norm norm);
  void attention(std::int64_t layer, std::string_view module, Attention attention);
  void feed_forward(std::int64_t layer, std::string_view module, std::int64_t intermediate, FeedForward feed_forward);

  // Any other part, with the dimensions that its blueprint needs; what else it says is the caller's to fill in.
  PartSpec& part(const std::string& name, const char* type, std::string_view module, std::int64_t in, std::int64_t out,
                 Blueprint blueprint);

  // The layer that joins the parts of that index; its children are the parts that it names.
  void layer(std::int64_t layer, std::int64_t intermediate, Layer joined);

  void final_norm(const std::string& name, std::string_view module, Norm norm);

  // The projection to the vocabulary. extra_info "tie" says what was found:
  //   "none"                 not tied; the file has the head
  //   "declared"             tied by the config; the file has one of the two, mostly the embedding
  //   "declared_but_stored"  tied by the config, and yet the file has a head: that one is used, as transformers 5 does
  //   "recorded_by_file"     the file's metadata says that head and embedding are one tensor
  //   "undeclared"           not tied by the config, and the file has no head: tied, as all of this family's are
  // Where the model's class, as transformers has it beside the base class, has another head, that one, whatever facts
  // say: for every token the labels' scores (part and module "score", or what names call it) or an answer's two ends
  // ("qa_outputs"). A base class has none, and neither has a file with the base's own names, no head and no tie: the
  // spec's extra_info then says so as "head", and its notes say it too.
  // Throws kCorrupt when the head is neither tied nor there, kUnsupported when there is one of another class.
  void output_head(const HeadFacts& facts);

  // A further projection beside the base, which the assembly does not use.
  void head_beside(const std::string& name, const std::string& module, std::int64_t out, bool bias);

  // Says that tensors are left out, where they are: `name` with {} for the layer. For buffers that are computed anew:
  // their shape is of no interest, since files have had them of any length.
  void ignore(std::string_view name, const std::string& why);

  // The buffers of a rope that each layer has: "layers.{}.self_attn.rotary_emb".
  void ignore_rotary(std::string_view module, const std::string& why);

  // Tensors of modules that the class does not have are left out here, each module with a row that says so, where
  // names.all_modules is set and the class is the base class or one that transformers has beside it.
  ModelSpec finish();

  // "layers.3"
  std::string layer_module(std::int64_t layer) const;

 private:
  void read_class();
  void find_prefixes();
  TensorRef tensor_of(std::string_view module, std::string_view name) const;  // name: ".weight"
  std::string module_path(std::string_view module) const;
  std::string module_beside(const std::string& module) const;
  std::string head_in_file() const;
  bool has_base_names() const;
  std::vector<std::string> names_beside_layers() const;
  [[noreturn]] void refuse_without_head(const std::string& weight) const;
  [[noreturn]] void refuse_without_either(const std::string& weight) const;
  void vocabulary_head(const HeadFacts& facts);
  void label_head(const std::string& module, std::int64_t out, bool bias);
  Linear linear_beside(const std::string& module, bool bias) const;
  std::vector<std::string> own_modules() const;
  bool embeds_by_head(const TensorInfo& head);

  const Model& model_;
  DecoderDims dims_;
  DecoderNames names_;
  std::string wrapper_;
  std::string file_prefix_;    // in the file's tensor names, the wrapper included
  std::string module_prefix_;  // in transformers' module paths
  ModelClass class_;
  std::string embedding_part_, embedding_tensor_;
  ModelSpec spec_;
};

}  // namespace garage::sdk

// StackBuilder: the parts of a stack of layers on one hidden size, named and wired the one way that all plugins share.
//
// A family's `decompose` reads its dimensions, then adds part after part: embeddings, layers (layer_builder.hpp), the
// last norm, the head. Shapes are not checked here: core does that for every plugin alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <garage/model.hpp>
#include <garage/sdk/layer_builder.hpp>
#include <garage/sdk/model_class.hpp>
#include <garage/sdk/norm_style.hpp>
#include <garage/sdk/stack_config.hpp>
#include <garage/sdk/tensors.hpp>
#include <garage/spec.hpp>

namespace garage::sdk {

// How a family's classes and files name things. Modules are told without the prefix: "layers.0.mlp".
struct StackNames {
  std::string family;
  std::string base_class;         // the class without a head, "LlamaModel": its modules have no prefix
  std::string prefix = "model.";  // of the modules in the class with a head; a file may have it, or one of these
  std::vector<std::string> other_prefixes = {""};
  std::string base_prefix = "";  // of the modules in the base class itself, where it has any (OPT's "decoder.")
  std::string layers = "layers";                 // the list of layers
  std::string layers_key = "num_hidden_layers";  // what the config calls their number
  std::vector<std::string> heads = {"lm_head"};  // the head's module, as any file names it; first as transformers does
  std::string token_head = "score";              // of the class ForTokenClassification
  // Of the class ForSequenceClassification, where it is no plain "score": a module that projects twice, and tanh between.
  std::string dense_head = "";
  std::int64_t labels = 2;   // where the config does not count them
  // Layers past the last predict further tokens, which the class does not do (DeepSeek 3): they are left out.
  bool predicts_further = false;
  bool all_modules = false;  // the parts are all modules that the class has: what a file has besides is left out
  bool conv1d = false;       // projections are transformers' Conv1D, whose weight is [in, out] (GPT-2)
};

struct EmbeddingOptions {
  double scale = 1;  // what embeddings are multiplied by
  bool keeps_scale = false;  // of narrow dtypes: as it is, not rounded to theirs
  // Modules beside the stack whose embeddings these are where the stack has none of its own, "shared": the first that the
  // file has.
  std::vector<std::string> shared = {};
};

struct RotaryOptions {
  std::string name = "rotary_emb";  // the module, and the part
  std::string key = "rope_theta";   // what the config says that the layers' own buffers follow from
};

// What stands between the layers and a head's own projection: norm(activation(dense(x))). Modules beside the stack.
struct TransformOptions {
  std::string dense, activation, norm;
  NormStyle style = {};
  bool bias = true;        // of the dense projection
  std::int64_t width = 0;  // numbers per position that it gives; 0: as many as the embeddings do
};

// The head to the vocabulary, and how it is tied to the embedding.
struct HeadOptions {
  bool tied = false;              // the config's tie_word_embeddings, with the class's default: read_tie
  bool tied_when_absent = false;  // a file without a head is tied whatever its config says: Gemma's are
  bool bias = false;
  std::optional<double> softcap = {};  // of the logits
  std::optional<double> input_scale = {};  // of what is projected
  std::int64_t width = 0;  // numbers per position that it is given; 0: hidden
  std::optional<double> logits_scale = {}, logits_divisor = {};  // what logits are multiplied, or divided, by
  // Tensors beside the stack of which the first that the file has is the bias, and the others are copies of it.
  std::vector<std::string> biases = {};
  std::optional<TransformOptions> transform = {};
  std::string logits_bias = {};            // a tensor beside the head, [1, vocab]; a file without it has zeros there
};

class StackBuilder {
 public:
  // Starts the spec. The model must outlive the builder.
  // What training wrappers put before every name ("_orig_mod.", "base_model.model.") is seen through; the spec's
  // extra_info then says it as "tensor_prefix", and its notes say it too.
  // Throws kCorrupt when the config's number of layers is not that of the tensors, kUnsupported for an adapter that is
  // not merged, for other checkpoints that are no whole model, and for a class of code of its own (auto_map) that is
  // not beside the base class.
  StackBuilder(const Model& model, StackNames names, const StackDims& dims);
  StackBuilder(const StackBuilder&) = delete;
  StackBuilder& operator=(const StackBuilder&) = delete;

  const StackDims& dims() const noexcept { return dims_; }
  const Tensors& tensors() const noexcept { return tensors_; }  // by module: "layers.0.mlp.up_proj"
  const Model& model() const noexcept { return model_; }
  // Those of a module beside the stack, a vision tower's: below whichever prefix most of its tensors that begin with
  // start have.
  Tensors beside(std::vector<std::string> prefixes, const std::string& start) const;
  // The tensors beside the stack, by module: "classifier.weight".
  Tensors beside(const std::string& module) const;
  const ModelClass& model_class() const noexcept { return class_; }
  std::int64_t labels() const;  // that the config counts for a classifier
  boost::json::object& extra_info() noexcept { return spec_.extra_info; }

  // --- parts, in the order in which they are added. module paths are without prefix.

  void embedding(std::string_view module, const EmbeddingOptions& options = {});  // "embedding", of tokens
  void embedding_norm(std::string_view module, const NormStyle& style);  // of the sum of the embeddings
  void embedding_norm(std::string_view name, std::string_view module, const NormStyle& style);
  void embedding_projection(std::string_view module, bool bias);  // from what the embeddings give to hidden
  void types(std::string_view module, std::int64_t rows);  // "type_embedding", of token types
  void tasks(std::string_view module, std::int64_t rows);  // "task_embedding"
  // "pos_embedding", of learned positions. offset: the row of position 0; those before it are the table's, too.
  // padding_id: a token that is passed over when they are counted.
  void positions(std::string_view module, std::int64_t offset = 0, std::optional<std::int64_t> padding_id = {});
  // The same, computed: what a file has of the module all the same the caller says to ignore.
  void positions(std::string_view module, const SinusoidalEmbedding& computed);

  // Answers the rope, which has no weights. The first one is the spec's extra_info, too: num_kv_heads, rope_theta.
  // Buffers that files have of it are left out: the stack's own, and each attention's that turns by a rope.
  Rope rotary(Rope rope, const RotaryOptions& options = {});

  // for (auto& layer : text.layers()): each adds its own part when the loop goes on.
  Layers layers() { return Layers(*this); }

  // The layers in the order in which the model runs through them, each as often as it does (ALBERT). Without this each
  // runs once.
  void recur(const std::vector<std::int64_t>& order);

  void final_norm(std::string_view module, const NormStyle& style) { final_norm(module, module, style); }
  void final_norm(std::string_view name, std::string_view module, const NormStyle& style);

  // The projection to the vocabulary. extra_info "tie" says what was found:
  //   "none"                 not tied; the file has the head
  //   "declared"             tied by the config; the file has one of the two, mostly the embedding
  //   "declared_but_stored"  tied by the config, and yet the file has a head: that one is used, as transformers 5 does
  //   "recorded_by_file"     the file's metadata says that head and embedding are one tensor
  //   "undeclared"           not tied by the config, and the file has no head: tied, as all of this family's are
  // Where the model's class, as transformers has it beside the base class, has another head, that one, whatever options
  // say: for every token the labels' scores (part and module "score", or what names call it) or an answer's two ends
  // ("qa_outputs"). A base class has none, and neither has a file with the base's own names, no head and no tie: the
  // spec's extra_info then says so as "head", and its notes say it too.
  // Throws kCorrupt when the head is neither tied nor there, kUnsupported when there is one of another class.
  void output_head(const HeadOptions& options = {});

  // What stands before a head, "head_transform"; answers its width.
  std::int64_t head_transform(const TransformOptions& options);

  // Any other part that the model runs through where it is added: behind the embeddings, the layers, or a norm.
  PartSpec& step(std::string name, const char* type, std::string_view module, std::int64_t in, std::int64_t out,
                 Blueprint blueprint);

  // A part that is there is what the model runs through next.
  void run_through(const std::string& part) { root_.parts.emplace_back(part); }

  // A further projection beside the base, which the model does not run through.
  void head_beside(const std::string& name, const std::string& module, std::int64_t out, bool bias);

  // Any other part, with the dimensions that its blueprint needs; what else it says is the caller's to fill in.
  PartSpec& part(std::string name, const char* type, std::string module_path, std::int64_t in, std::int64_t out,
                 Blueprint blueprint);

  // "model.layers.3" of "layers.3": where the module is in transformers' own model.
  std::string module_path(std::string_view module) const;

  // Says that tensors are left out, where they are: `name`, where they are the layers' with {} for the layer. For buffers that are computed anew:
  // their shape is of no interest, since files have had them of any length.
  void ignore(std::string_view name, const std::string& why);

  // The same of tensors beside the stack, whose names are the whole ones: "cls.seq_relationship.*".
  void ignore_beside(std::string_view name, const std::string& why);

  // Tensors of modules that the class does not have are left out here, each module with a row that says so, where
  // names.all_modules is set and the class is the base class or one that transformers has beside it.
  // Throws kInternal when the loop over the layers ended before the last one.
  ModelSpec finish();

 private:
  friend class LayerBuilder;

  void read_class();
  void count_layers();
  void find_prefixes();
  void embed(std::string name, std::string_view module, TensorRef weight, std::int64_t rows, Embedding embedding);
  void norm(std::string name, std::optional<std::int64_t> layer, std::string_view module, Norm norm);
  void ignore_rotary_buffers();
  void note_wrapper();
  void add_root();
  std::string module_beside(const std::string& module) const;
  std::string head_in_file() const;
  bool has_base_names() const;
  std::vector<std::string> names_beside_layers() const;
  TensorRef bias_beside(const std::vector<std::string>& names);
  void add_sentence_modules();
  std::int64_t embedding_width() const { return dims_.embedding > 0 ? dims_.embedding : dims_.hidden; }
  [[noreturn]] void refuse_without_head(const std::string& weight) const;
  [[noreturn]] void refuse_without_either(const std::string& weight) const;
  void vocabulary_head(const HeadOptions& options);
  void label_head(const std::string& module, std::int64_t out, bool bias);
  void sequence_head();
  TensorRef embedding_weight(std::string_view module, const std::vector<std::string>& shared);
  std::vector<std::string> own_modules() const;
  bool embeds_by_head(const TensorInfo& head);

  const Model& model_;
  StackDims dims_;
  StackNames names_;
  std::string wrapper_;
  std::string module_prefix_;  // in transformers' module paths
  ModelClass class_;
  Tensors tensors_;  // below the file's prefix, the wrapper included
  std::string embedding_part_, embedding_tensor_;
  std::string rotary_key_;
  std::vector<std::string> turning_modules_;  // of a layer: "self_attn"
  std::int64_t layers_added_ = 0;
  Stack root_;
  ModelSpec spec_;
};

}  // namespace garage::sdk

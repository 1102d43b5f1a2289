/* Specs that are too long for a line of CMake. */
#define FAKE_SPEC_HEAD(layers) \
  "{\"schema\": \"garage.spec/1\", \"model_id\": \"\", \"family\": \"fake\", \"hidden_dim\": 4, \"num_layers\": " #layers ", " \
  "\"num_heads\": 1, \"vocab_size\": 1, \"max_seq_len\": 1, \"ignored\": [{\"tensors\": \"*\", \"count\": 0, \"why\": \"\"}], " \
  "\"parts\": {"
#define FAKE_PART(name, type, children, blueprint) \
  "\"" name "\": {\"part_type\": \"" type "\", \"module_path\": \"\", \"input_dim\": 4, \"output_dim\": 4, \"children\": [" \
  children "], \"blueprint\": {" blueprint "}}"
#define FAKE_LAYER(name, norm, attention) \
  FAKE_PART(name, "full_layer", "\"" norm "\", \"" attention "\"", \
            "\"op\": \"layer\", \"join\": \"sequential\", \"attention_norm\": \"" norm "\", \"attention\": \"" attention "\"")
#define FAKE_NORM(name) \
  FAKE_PART(name, "layer_norm", "", \
            "\"op\": \"norm\", \"kind\": \"rms\", \"eps\": 1e-5, \"weight_offset\": 0.0, \"multiply_before_cast\": false")
#define FAKE_CUSTOM(name, builder) \
  FAKE_PART(name, "mixer", "", "\"op\": \"custom\", \"builder\": \"" builder "\", \"attributes\": {}, \"tensors\": {}")

#ifdef FAKE_LOOPS /* two layers, each the other's attention */
#define FAKE_SPEC \
  FAKE_SPEC_HEAD(2) FAKE_NORM("n_0") ", " FAKE_NORM("n_1") ", " FAKE_LAYER("layer_0", "n_0", "layer_1") ", " \
  FAKE_LAYER("layer_1", "n_1", "layer_0") "}}"
#endif

#ifdef FAKE_ODD_BUILDERS /* layers whose attention is made by tests/nn/odd_builders.cpp */
#define FAKE_ODD_LAYER(builder) \
  FAKE_NORM("norm_" builder) ", " FAKE_CUSTOM("mixer_" builder, builder) ", " \
  FAKE_LAYER("layer_" builder, "norm_" builder, "mixer_" builder)
#define FAKE_OF_PARTS_LAYER /* a custom part that is made of a norm */ \
  FAKE_NORM("norm_of_parts") ", " FAKE_NORM("inner") ", " \
  FAKE_PART("mixer_of_parts", "mixer", "\"inner\"", \
            "\"op\": \"custom\", \"builder\": \"of_parts\", \"attributes\": {}, \"tensors\": {}") ", " \
  FAKE_LAYER("layer_of_parts", "norm_of_parts", "mixer_of_parts")
#define FAKE_SPEC \
  FAKE_SPEC_HEAD(9) FAKE_ODD_LAYER("same") ", " FAKE_ODD_LAYER("nothing") ", " FAKE_ODD_LAYER("throws") ", " \
  FAKE_ODD_LAYER("throws_number") ", " FAKE_ODD_LAYER("fails") ", " FAKE_ODD_LAYER("gives_nothing") ", " \
  FAKE_ODD_LAYER("gives_one") ", " FAKE_ODD_LAYER("asks_for_more") ", " FAKE_OF_PARTS_LAYER "}}"
#endif

/* The plugin boundary: everything that passes between a core and a plugin, in plain C.
 *
 * No LibTorch, no STL, no Boost type: a plugin binary is built once and runs in every core of the
 * same ABI major. Authors do not use this header directly; they derive from garage::ModelDecomposer
 * and write GARAGE_PLUGIN (sdk/include/garage/sdk/plugin.hpp).
 *
 * Evolution  Append only. Never reorder, retype, reuse or change the meaning of a field. A foreign
 *            field is read only after GARAGE_HAS says that it is there. Arrays carry a stride. A new
 *            ability is a new extension id `name/REV`; a new major is a new symbol. No bool, enum,
 *            long or bit-field; padding is a named reserved field and is zero.
 * Strings    UTF-8, not terminated, borrowed for the call.
 * Threads    detect, decompose and get_extension may be called from several threads at once.
 * Errors     A function answers 0, or a garage::Errc with the caller's garage_error filled in.
 *            Nothing thrown crosses.
 */
#ifndef GARAGE_ABI_H
#define GARAGE_ABI_H

#include <stddef.h>
#include <stdint.h>

#define GARAGE_ABI_MAJOR 1
#define GARAGE_ABI_MINOR 1  /* 1: reads garage.spec/2 */

#define GARAGE_EXPORT __attribute__((visibility("default")))

/* Whether the struct behind P, as its maker sized it, holds field F of type T. */
#define GARAGE_HAS(P, T, F) ((P)->struct_size >= offsetof(T, F) + sizeof(((T*)0)->F))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct garage_str {
  const char* data;
  uint64_t size; /* bytes */
} garage_str;

typedef struct garage_tensor {
  garage_str name;
  garage_str dtype;     /* the safetensors name: "F32", "BF16", ... */
  const int64_t* shape; /* row-major, rank entries, each >= 0; null when rank is 0 */
  uint32_t rank;
  uint32_t reserved0;
} garage_tensor;

typedef struct garage_model {
  uint32_t struct_size;
  uint32_t tensor_stride; /* tensor i lies at (const char*)tensors + i * tensor_stride */
  garage_str model_id;    /* what the caller calls it: a hint, never a reason */
  garage_str config_json; /* "{}" when there is none */
  const void* tensors;
  uint64_t tensor_count;
  /* The checkpoint's own string map (safetensors `__metadata__`), as a JSON object; "{}" when there
   * is none. Added to the first drawing of this struct: safetensors' save_model drops a shared tensor
   * and leaves only `__metadata__[dropped] = kept` behind, so without it a head that is tied in such
   * a file looks missing. */
  garage_str metadata_json;
} garage_model;

typedef struct garage_detection {
  uint32_t struct_size;
  int32_t score; /* 0 (not mine) to 100 (certainly mine) */
  char family[64];
  char reason[256];
} garage_detection;

typedef struct garage_writer {
  uint32_t struct_size;
  uint32_t reserved0;
  void* context;
  void (*write)(void* context, const char* bytes, uint64_t size); /* never throws; calling thread only */
} garage_writer;

typedef struct garage_error {
  uint32_t struct_size;
  int32_t code; /* garage::Errc */
  char message[1024];
} garage_error;

typedef struct garage_plugin {
  uint32_t struct_size;
  uint16_t abi_major;
  uint16_t abi_minor_required;
  garage_str info_json; /* {"name", "version", "license", "url", "families": [...], "model_types": [...], "priority"}; what a core does
                            not know it passes over */
  int32_t (*detect)(const garage_model*, garage_detection*, garage_error*);       /* [thread-safe, pure] */
  int32_t (*decompose)(const garage_model*, const garage_writer*, garage_error*); /* [thread-safe, pure] */
  const void* (*get_extension)(garage_str id); /* [thread-safe] null for an id it does not know; may be null itself */
} garage_plugin; /* append below, never change above */

/* What get_extension("garage.nn_library/1") answers: the name of a file beside the plugin's own, a library built with
 * LibTorch that makes the modules of the plugin's `custom` parts (core/nn/include/garage/nn/nn_library.hpp). It is
 * opened when such a part is first asked for. */
#define GARAGE_NN_LIBRARY_ID "garage.nn_library/1"
typedef struct garage_nn_library {
  uint32_t struct_size;
  uint32_t reserved0;
  garage_str file; /* "garage-nn-mamba.so"; no folder */
} garage_nn_library;

/* The only symbol that a plugin exports. Answers the same static table every time. */
GARAGE_EXPORT const garage_plugin* garage_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif

/* Plugins written against abi.h alone, in C, each good or broken in one way: FAKE_<KIND> says which. */
#include <garage/abi.h>

#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "specs.h"

#define TEXT(s) {s, sizeof(s) - 1}

#ifndef FAKE_NAME
#error "FAKE_NAME: the plugin's name"
#endif
#ifndef FAKE_INFO
#define FAKE_INFO "{\"name\": \"" FAKE_NAME "\", \"version\": \"1.0\", \"license\": \"\", \"url\": \"\", \"families\": [\"fake\"], \"priority\": 500}"
#endif
#ifndef FAKE_SCORE
#define FAKE_SCORE 80
#endif
#ifndef FAKE_FAMILY
#define FAKE_FAMILY "fake"
#endif
#ifndef FAKE_SPEC
#define FAKE_SPEC "{\"schema\": \"garage.spec/1\", \"model_id\": \"\", \"family\": \"fake\", \"hidden_dim\": 1, \"num_layers\": 0, \"num_heads\": 1, \"vocab_size\": 1, \"max_seq_len\": 1, \"parts\": {}}"
#endif

static void block_interrupts(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void lower_limit(void) {
  static int lowered;  // once: each time would leave no descriptor for the check itself
  struct rlimit limit;
  if (lowered++) return;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_cur / 2;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static void* wait_for_ever(void* unused) {
  while (1) pause();
  return unused;
}
static void start_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, &wait_for_ever, NULL);
}

/* As gcc's crtfastmath.o does when a library linked with -ffast-math is opened. */
static void flush_small_numbers(void) {
#ifdef __x86_64__
  __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);
#endif
}

static void meddle(void) {
  umask(0);
  if (chdir("/")) return;
  setlocale(LC_ALL, "C.UTF-8");
  signal(SIGTERM, SIG_IGN);
  block_interrupts();
  flush_small_numbers();
}

#ifdef FAKE_ON_OPEN
__attribute__((constructor)) static void on_open(void) { FAKE_ON_OPEN; }
#endif
#ifndef FAKE_ON_DETECT
#define FAKE_ON_DETECT (void)0
#endif

#ifndef FAKE_ON_DECOMPOSE
#define FAKE_ON_DECOMPOSE (void)0
#endif

/* Whether the model has a tensor of that name: what is told apart by it. */
static int has_tensor(const garage_model* model, const char* name) {
  uint64_t i;
  for (i = 0; i < model->tensor_count; ++i) {
    const garage_tensor* tensor = (const garage_tensor*)((const char*)model->tensors + i * model->tensor_stride);
    if (tensor->name.size == strlen(name) && memcmp(tensor->name.data, name, strlen(name)) == 0) return 1;
  }
  return 0;
}

/* Whether each tensor is of that dtype. */
static int has_dtype(const garage_model* model, const char* dtype) {
  uint64_t i;
  for (i = 0; i < model->tensor_count; ++i) {
    const garage_tensor* tensor = (const garage_tensor*)((const char*)model->tensors + i * model->tensor_stride);
    if (tensor->dtype.size != strlen(dtype) || memcmp(tensor->dtype.data, dtype, strlen(dtype)) != 0) return 0;
  }
  return 1;
}

static void close_all(void) {
  int i;
  for (i = 3; i < 64; ++i) close(i);
}

static void scribble_all(void) {
  int i;
  for (i = 3; i < 64; ++i)
    if (write(i, "{}\n", 3) < 0) continue;
}

/* Says in its reason whether LibTorch is mapped into the process that asks. */
static void say_whether_torch_is_mapped(garage_detection* answer) {
  char line[4096];
  FILE* maps = fopen("/proc/self/maps", "r");
  int is_mapped = 0;
  while (maps && fgets(line, sizeof line, maps)) is_mapped |= strstr(line, "libtorch") != NULL || strstr(line, "libc10") != NULL;
  if (maps) fclose(maps);
  strcpy(answer->reason, !maps ? "cannot tell" : is_mapped ? "LibTorch is mapped" : "LibTorch is not mapped");
}

static int32_t detect(const garage_model* model, garage_detection* answer, garage_error* error) {
  (void)model; (void)answer; (void)error;
  FAKE_ON_DETECT;
#if defined(FAKE_OVERRUN)
  error->code = 3;
  memset(error->message, 'x', sizeof error->message + 300);
  return 3;
#elif defined(FAKE_OBSERVES)
  say_whether_torch_is_mapped(answer);
  return 0;
#elif defined(FAKE_DETECT_FAILS)
  error->code = 3;
  strcpy(error->message, "the fake has a headache");
  return 3;
#elif defined(FAKE_UNENDED)
  answer->score = 80;
  memset(answer->family, 'f', sizeof answer->family);
  memset(answer->reason, 'r', sizeof answer->reason);
  return 0;
#else
  answer->score = FAKE_SCORE;
  strcpy(answer->family, FAKE_FAMILY);
  strcpy(answer->reason, "the fake claims everything");
  return 0;
#endif
}

static int32_t decompose(const garage_model* model, const garage_writer* writer, garage_error* error) {
  (void)model; (void)writer; (void)error;
  FAKE_ON_DECOMPOSE;
#ifdef FAKE_DECOMPOSE_FAILS
  return 42; /* no code of ours, no message */
#else
  writer->write(writer->context, FAKE_SPEC, sizeof(FAKE_SPEC) - 1);
  return 0;
#endif
}

static const void* get_extension(garage_str id) {
#ifdef FAKE_NN_FILE
  static const garage_nn_library library = {sizeof(garage_nn_library), 0, TEXT(FAKE_NN_FILE)};
  if (id.size == strlen(GARAGE_NN_LIBRARY_ID) && memcmp(id.data, GARAGE_NN_LIBRARY_ID, id.size) == 0) return &library;
#endif
  (void)id;
  return NULL;
}

#ifndef FAKE_TABLE
#define FAKE_TABLE {sizeof(garage_plugin), 1, 0, TEXT(FAKE_INFO), &detect, &decompose, &get_extension}
#endif

#ifdef FAKE_NO_ENTRY
GARAGE_EXPORT const garage_plugin* something_else(void);
const garage_plugin* something_else(void) { return NULL; }
#else
const garage_plugin* garage_plugin_v1(void) {
#ifdef FAKE_NULL
  return NULL;
#else
  static const garage_plugin table = FAKE_TABLE;
  return &table;
#endif
}
#endif

/* Every kind keeps these in use. */
extern const void* const fake_uses[];
const void* const fake_uses[] = {(const void*)&detect, (const void*)&decompose, (const void*)&get_extension, (const void*)&has_tensor,
                                 (const void*)&has_dtype, (const void*)&close_all, (const void*)&scribble_all, (const void*)&say_whether_torch_is_mapped,
                                 (const void*)&lower_limit, (const void*)&start_thread, (const void*)&meddle};

// libLiteRt.so through its public C API (github.com/google-ai-edge/LiteRT, litert/c). Declared here as far
// as it is used, since the runner is built without its headers.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

typedef struct Handle *Environment, *Model, *Options, *OpaqueOptions, *CompiledModel, *Signature, *Subgraph,
    *Tensor, *Buffer, *Requirements;

enum { STATUS_OK = 0, ACCELERATOR_CPU = 1, LOCK_READ = 0, LOCK_WRITE = 1 };

// LiteRtRankedTensorType: 72 bytes on every platform.
struct tensor_type {
  int32_t element_type;
  uint32_t rank;  // low 7 bits; the next says whether strides count
  int32_t dimensions[8];
  uint32_t strides[8];
};

#define FUNCTIONS(X)                                                                                 \
  X(int, LiteRtCreateEnvironment, (int, const void *, Environment *))                                \
  X(int, LiteRtCreateOptions, (Options *))                                                           \
  X(int, LiteRtSetOptionsHardwareAccelerators, (Options, int))                                       \
  X(int, LiteRtCreateOpaqueOptions, (const char *, void *, void (*)(void *), OpaqueOptions *))       \
  X(int, LiteRtAddOpaqueOptions, (Options, OpaqueOptions))                                           \
  X(int, LiteRtCreateCompiledModel, (Environment, Model, Options, CompiledModel *))                  \
  X(int, LiteRtGetModelSignature, (Model, size_t, Signature *))                                      \
  X(int, LiteRtGetSignatureSubgraph, (Signature, Subgraph *))                                        \
  X(int, LiteRtGetNumSubgraphInputs, (Subgraph, size_t *))                                           \
  X(int, LiteRtGetNumSubgraphOutputs, (Subgraph, size_t *))                                          \
  X(int, LiteRtGetSubgraphInput, (Subgraph, size_t, Tensor *))                                       \
  X(int, LiteRtGetSubgraphOutput, (Subgraph, size_t, Tensor *))                                      \
  X(int, LiteRtGetSignatureInputTensorByIndex, (Signature, size_t, Tensor *))                        \
  X(int, LiteRtGetSignatureOutputTensorByIndex, (Signature, size_t, Tensor *))                       \
  X(int, LiteRtGetRankedTensorType, (Tensor, struct tensor_type *))                                  \
  X(int, LiteRtGetCompiledModelInputBufferRequirements, (CompiledModel, size_t, size_t, Requirements *))  \
  X(int, LiteRtGetCompiledModelOutputBufferRequirements, (CompiledModel, size_t, size_t, Requirements *)) \
  X(int, LiteRtCreateManagedTensorBufferFromRequirements,                                            \
    (Environment, const struct tensor_type *, Requirements, Buffer *))                               \
  X(int, LiteRtGetTensorBufferPackedSize, (Buffer, size_t *))                                        \
  X(int, LiteRtLockTensorBuffer, (Buffer, void **, int))                                             \
  X(int, LiteRtUnlockTensorBuffer, (Buffer))                                                         \
  X(int, LiteRtRunCompiledModel, (CompiledModel, size_t, size_t, Buffer *, size_t, Buffer *))

#define FIELD(result, name, arguments) result(*name) arguments;
struct api {
  FUNCTIONS(FIELD)
};

struct state {
  struct api api;
  Environment environment;
  CompiledModel compiled;
  Buffer inputs[MAX_TENSORS], outputs[MAX_TENSORS];       // in the signature's order
  size_t input_at[MAX_TENSORS], output_at[MAX_TENSORS];   // graph order -> signature order
};

// POSIX has dlsym's object pointer hold a function; C itself has no cast for that.
#define LOAD(result, name, arguments)                          \
  *(void **)(&api->name) = dlsym(library, #name);              \
  if (!api->name) return "the library lacks " #name;

static const char *load(struct api *api, void *library) {
  FUNCTIONS(LOAD)
  return NULL;
}

static int set_input(struct engine *engine, size_t index, const void *bytes) {
  struct state *state = engine->state;
  Buffer buffer = state->inputs[state->input_at[index]];
  void *memory = NULL;
  if (state->api.LiteRtLockTensorBuffer(buffer, &memory, LOCK_WRITE) != STATUS_OK) return 1;
  memcpy(memory, bytes, engine->input_bytes[index]);
  return state->api.LiteRtUnlockTensorBuffer(buffer) != STATUS_OK;
}

static int get_output(struct engine *engine, size_t index, void *bytes) {
  struct state *state = engine->state;
  Buffer buffer = state->outputs[state->output_at[index]];
  void *memory = NULL;
  if (state->api.LiteRtLockTensorBuffer(buffer, &memory, LOCK_READ) != STATUS_OK) return 1;
  memcpy(bytes, memory, engine->output_bytes[index]);
  return state->api.LiteRtUnlockTensorBuffer(buffer) != STATUS_OK;
}

static int invoke(struct engine *engine) {
  struct state *state = engine->state;
  return state->api.LiteRtRunCompiledModel(state->compiled, 0, engine->inputs, state->inputs, engine->outputs,
                                           state->outputs) != STATUS_OK;
}

// Before 2.1.6 opening a file took no environment; LiteRtCreateModelFromFd came with that change.
static int open_file(void *library, Environment environment, const char *path, Model *model) {
  int (*with_environment)(Environment, const char *, Model *);
  int (*without)(const char *, Model *);
  void *symbol = dlsym(library, "LiteRtCreateModelFromFile");
  if (!symbol) return 1;
  *(void **)(&with_environment) = symbol;
  *(void **)(&without) = symbol;
  if (dlsym(library, "LiteRtCreateModelFromFd")) return with_environment(environment, path, model) != STATUS_OK;
  return without(path, model) != STATUS_OK;
}

static const char *cpu_options(struct api *api, const struct job *job, Options *options) {
  OpaqueOptions cpu = NULL;
  char *text = malloc(80);  // the options own it
  if (!text) return "no memory";
  snprintf(text, 80, "%snum_threads = %u\n", job->xnnpack ? "" : "kernel_mode = \"builtin\"\n", job->threads);
  if (api->LiteRtCreateOptions(options) != STATUS_OK ||
      api->LiteRtSetOptionsHardwareAccelerators(*options, ACCELERATOR_CPU) != STATUS_OK ||
      api->LiteRtCreateOpaqueOptions("xnnpack", text, free, &cpu) != STATUS_OK ||
      api->LiteRtAddOpaqueOptions(*options, cpu) != STATUS_OK)
    return "the runtime refuses the CPU options";
  return NULL;
}

static const char *make_buffers(struct engine *engine, Signature signature, Subgraph graph, int output) {
  struct state *state = engine->state;
  struct api *api = &state->api;
  size_t count = output ? engine->outputs : engine->inputs;
  Tensor order[MAX_TENSORS];
  for (size_t i = 0; i < count; i++) {
    Requirements needs = NULL;
    struct tensor_type type;
    Buffer *buffer = output ? &state->outputs[i] : &state->inputs[i];
    int failed = output ? api->LiteRtGetSignatureOutputTensorByIndex(signature, i, &order[i])
                        : api->LiteRtGetSignatureInputTensorByIndex(signature, i, &order[i]);
    failed |= api->LiteRtGetRankedTensorType(order[i], &type);
    // Keras leaves the batch open (-1); the interpreter runs it as 1, and so must the buffers.
    for (uint32_t k = 0; !failed && k < (type.rank & 127) && k < 8; k++)
      if (type.dimensions[k] < 0) type.dimensions[k] = 1;
    failed |= output ? api->LiteRtGetCompiledModelOutputBufferRequirements(state->compiled, 0, i, &needs)
                     : api->LiteRtGetCompiledModelInputBufferRequirements(state->compiled, 0, i, &needs);
    if (failed || api->LiteRtCreateManagedTensorBufferFromRequirements(state->environment, &type, needs, buffer))
      return "no buffer can be made for a tensor; its shape must be fixed";
  }
  for (size_t i = 0; i < count; i++) {
    Tensor tensor = NULL;
    size_t *at = output ? &state->output_at[i] : &state->input_at[i];
    if (output ? api->LiteRtGetSubgraphOutput(graph, i, &tensor) : api->LiteRtGetSubgraphInput(graph, i, &tensor))
      return "a tensor cannot be found";
    for (*at = 0; *at < count && order[*at] != tensor; (*at)++) {
    }
    if (*at == count) return "the signature does not cover the graph's tensors";
    Buffer buffer = output ? state->outputs[*at] : state->inputs[*at];
    if (api->LiteRtGetTensorBufferPackedSize(buffer, output ? &engine->output_bytes[i] : &engine->input_bytes[i]))
      return "a tensor has no size";
  }
  return NULL;
}

const char *litert_open(struct engine *engine, void *library, const char *path, const struct job *job) {
  static struct state state;
  struct api *api = &state.api;
  Model model = NULL;
  Options options = NULL;
  Signature signature = NULL;
  Subgraph graph = NULL;
  const char *reason = load(api, library);
  if (reason) return reason;
  engine->state = &state;
  engine->set_input = set_input;
  engine->get_output = get_output;
  engine->invoke = invoke;
  snprintf(engine->name, sizeof engine->name, "LiteRT");
  if (api->LiteRtCreateEnvironment(0, NULL, &state.environment) != STATUS_OK) return "the runtime does not start";
  if (open_file(library, state.environment, path, &model)) return "the model cannot be read";
  if ((reason = cpu_options(api, job, &options))) return reason;
  if (api->LiteRtCreateCompiledModel(state.environment, model, options, &state.compiled) != STATUS_OK)
    return "the runtime rejects the model";
  if (api->LiteRtGetModelSignature(model, 0, &signature) || api->LiteRtGetSignatureSubgraph(signature, &graph) ||
      api->LiteRtGetNumSubgraphInputs(graph, &engine->inputs) ||
      api->LiteRtGetNumSubgraphOutputs(graph, &engine->outputs))
    return "the model has no graph";
  if (engine->inputs > MAX_TENSORS || engine->outputs > MAX_TENSORS) return "the model has more than 16 inputs or outputs";
  reason = make_buffers(engine, signature, graph, 0);
  return reason ? reason : make_buffers(engine, signature, graph, 1);
}

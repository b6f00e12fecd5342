// libtensorflowlite_c.so or libtensorflowlite_jni.so through the public TensorFlow Lite C API
// (tensorflow/lite/core/c/c_api.h). Declared here as far as it is used.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#include "engine.h"

typedef struct Handle *Model, *Options, *Interpreter, *Tensor;

#define FUNCTIONS(X)                                                    \
  X(const char *, TfLiteVersion, (void))                                \
  X(Model, TfLiteModelCreateFromFile, (const char *))                   \
  X(Options, TfLiteInterpreterOptionsCreate, (void))                    \
  X(void, TfLiteInterpreterOptionsSetNumThreads, (Options, int32_t))    \
  X(Interpreter, TfLiteInterpreterCreate, (Model, Options))             \
  X(int, TfLiteInterpreterAllocateTensors, (Interpreter))               \
  X(int32_t, TfLiteInterpreterGetInputTensorCount, (Interpreter))       \
  X(int32_t, TfLiteInterpreterGetOutputTensorCount, (Interpreter))      \
  X(Tensor, TfLiteInterpreterGetInputTensor, (Interpreter, int32_t))    \
  X(Tensor, TfLiteInterpreterGetOutputTensor, (Interpreter, int32_t))   \
  X(size_t, TfLiteTensorByteSize, (Tensor))                             \
  X(int, TfLiteTensorCopyFromBuffer, (Tensor, const void *, size_t))    \
  X(int, TfLiteTensorCopyToBuffer, (Tensor, void *, size_t))            \
  X(int, TfLiteInterpreterInvoke, (Interpreter))

#define FIELD(result, name, arguments) result(*name) arguments;
struct state {
  FUNCTIONS(FIELD)
  Interpreter interpreter;
};

#define LOAD(result, name, arguments)                 \
  *(void **)(&state->name) = dlsym(library, #name);   \
  if (!state->name) return "the library lacks " #name;

static const char *load(struct state *state, void *library) {
  FUNCTIONS(LOAD)
  return NULL;
}

static int set_input(struct engine *engine, size_t index, const void *bytes) {
  struct state *state = engine->state;
  Tensor tensor = state->TfLiteInterpreterGetInputTensor(state->interpreter, (int32_t)index);
  return state->TfLiteTensorCopyFromBuffer(tensor, bytes, engine->input_bytes[index]);
}

static int get_output(struct engine *engine, size_t index, void *bytes) {
  struct state *state = engine->state;
  Tensor tensor = state->TfLiteInterpreterGetOutputTensor(state->interpreter, (int32_t)index);
  return state->TfLiteTensorCopyToBuffer(tensor, bytes, engine->output_bytes[index]);
}

static int invoke(struct engine *engine) {
  struct state *state = engine->state;
  return state->TfLiteInterpreterInvoke(state->interpreter);
}

const char *tflite_open(struct engine *engine, void *library, const char *path, const struct job *job) {
  static struct state state;
  const char *reason = load(&state, library);
  if (reason) return reason;
  if (!job->xnnpack) return "this C API has no way to turn XNNPACK off";
  engine->state = &state;
  engine->set_input = set_input;
  engine->get_output = get_output;
  engine->invoke = invoke;
  snprintf(engine->name, sizeof engine->name, "TensorFlow Lite");
  snprintf(engine->version, sizeof engine->version, "%s", state.TfLiteVersion());
  Model model = state.TfLiteModelCreateFromFile(path);
  if (!model) return "the model cannot be read";
  Options options = state.TfLiteInterpreterOptionsCreate();
  state.TfLiteInterpreterOptionsSetNumThreads(options, (int32_t)job->threads);
  state.interpreter = state.TfLiteInterpreterCreate(model, options);
  if (!state.interpreter || state.TfLiteInterpreterAllocateTensors(state.interpreter))
    return "the runtime rejects the model";
  int32_t inputs = state.TfLiteInterpreterGetInputTensorCount(state.interpreter);
  int32_t outputs = state.TfLiteInterpreterGetOutputTensorCount(state.interpreter);
  if (inputs < 1 || inputs > MAX_TENSORS || outputs < 1 || outputs > MAX_TENSORS)
    return "the model has more than 16 inputs or outputs";
  engine->inputs = (size_t)inputs;
  engine->outputs = (size_t)outputs;
  for (int32_t i = 0; i < inputs; i++)
    engine->input_bytes[i] = state.TfLiteTensorByteSize(state.TfLiteInterpreterGetInputTensor(state.interpreter, i));
  for (int32_t i = 0; i < outputs; i++)
    engine->output_bytes[i] = state.TfLiteTensorByteSize(state.TfLiteInterpreterGetOutputTensor(state.interpreter, i));
  return NULL;
}

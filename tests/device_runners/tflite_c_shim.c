// The TensorFlow Lite C API in front of libLiteRt.so: no package ships libtensorflowlite_c.so for Linux, and
// this has the runner's other half run real models all the same. LITERT_LIBRARY names the library.
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

static struct engine engine;
static struct job settings = {.threads = 1, .xnnpack = 1};
static size_t indices[2 * MAX_TENSORS];  // a tensor is the address of its number; outputs in the second half
static char model_path[4096];

const char *TfLiteVersion(void) { return "shim"; }
void *TfLiteModelCreateFromFile(const char *path) {
  strncpy(model_path, path, sizeof model_path - 1);
  return model_path;
}
void *TfLiteInterpreterOptionsCreate(void) { return &settings; }
void TfLiteInterpreterOptionsSetNumThreads(void *options, int32_t threads) {
  ((struct job *)options)->threads = (uint32_t)threads;
}
void *TfLiteInterpreterCreate(void *model, void *options) {
  void *library = dlopen(getenv("LITERT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; i < 2 * MAX_TENSORS; i++) indices[i] = i % MAX_TENSORS;
  return library && !litert_open(&engine, library, model, options) ? &engine : NULL;
}
int TfLiteInterpreterAllocateTensors(void *interpreter) { return interpreter == NULL; }
int32_t TfLiteInterpreterGetInputTensorCount(void *interpreter) { return (int32_t)((struct engine *)interpreter)->inputs; }
int32_t TfLiteInterpreterGetOutputTensorCount(void *interpreter) { return (int32_t)((struct engine *)interpreter)->outputs; }
void *TfLiteInterpreterGetInputTensor(void *interpreter, int32_t i) { return (void)interpreter, &indices[i]; }
void *TfLiteInterpreterGetOutputTensor(void *interpreter, int32_t i) { return (void)interpreter, &indices[MAX_TENSORS + i]; }
size_t TfLiteTensorByteSize(void *tensor) {
  size_t *index = tensor;
  return index < indices + MAX_TENSORS ? engine.input_bytes[*index] : engine.output_bytes[*index];
}
int TfLiteTensorCopyFromBuffer(void *tensor, const void *bytes, size_t size) {
  return size != TfLiteTensorByteSize(tensor) || engine.set_input(&engine, *(size_t *)tensor, bytes);
}
int TfLiteTensorCopyToBuffer(void *tensor, void *bytes, size_t size) {
  return size != TfLiteTensorByteSize(tensor) || engine.get_output(&engine, *(size_t *)tensor, bytes);
}
int TfLiteInterpreterInvoke(void *interpreter) { return ((struct engine *)interpreter)->invoke(interpreter); }

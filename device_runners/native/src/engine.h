// A model opened with one of the two C APIs. Inputs and outputs are in the order of the model's graph.
#ifndef EDGEPRUNE_ENGINE_H
#define EDGEPRUNE_ENGINE_H

#include <stddef.h>

#include "job.h"

struct engine {
  char name[32], version[64];
  size_t inputs, outputs;
  size_t input_bytes[MAX_TENSORS], output_bytes[MAX_TENSORS];
  int (*set_input)(struct engine *, size_t index, const void *bytes);  // these return 0 when done
  int (*invoke)(struct engine *);
  int (*get_output)(struct engine *, size_t index, void *bytes);
  void *state;
};

// Each returns NULL, or why it failed. `library` comes from dlopen. What is opened stays open: the
// process ends after one run.
const char *litert_open(struct engine *engine, void *library, const char *model, const struct job *job);
const char *tflite_open(struct engine *engine, void *library, const char *model, const struct job *job);

#endif

// edgeprune_runner JOB MODEL LIBRARY: runs one job and prints one line per fact; see
// device_runners/native/output.py, which reads them. Exit codes: 0 done, 2 wrong usage or job, 3 no
// runtime, a model it rejects, or an inference that failed.
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "measure.h"

enum { EXIT_INPUT = 2, EXIT_DEVICE = 3 };

static void step(const char *name) {
  fprintf(stderr, "edgeprune-step: %s\n", name);
  fflush(stderr);
}

// One JSON line, as the Python agent's errors are; anything that would need escaping becomes a blank.
static int fail(int code, const char *what, const char *detail, const char *way_out) {
  char clean[512];
  size_t length = 0;
  for (; detail[length] && length < sizeof clean - 1; length++) {
    char c = detail[length];
    clean[length] = c < ' ' || c == '"' || c == '\\' || c == 127 ? ' ' : c;
  }
  clean[length] = 0;
  fprintf(stderr,
          "\nedgeprune-error: {\"kind\": \"%s\", \"found\": \"%s: %s.\", \"expected\": \"\", \"way_out\": \"%s\"}\n",
          code == EXIT_INPUT ? "InputError" : "DeviceError", what, clean, way_out);
  return code;
}

static void print_latencies(const char *name, const uint64_t *latencies, size_t count) {
  printf("%s", name);
  for (size_t i = 0; i < count; i++) printf(" %" PRIu64, latencies[i]);
  printf("\n");
}

static int set_sample(struct engine *engine, const struct job *job, size_t sample) {
  const uint8_t *at = job->data + sample * job->sample_bytes;
  for (size_t i = 0; i < engine->inputs; i++) {
    if (engine->set_input(engine, i, at)) return 1;
    at += job->input_bytes[i];
  }
  return 0;
}

static int evaluate(struct engine *engine, const struct job *job) {
  static const char digits[] = "0123456789abcdef";
  for (size_t sample = 0; sample < job->samples; sample++) {
    if (set_sample(engine, job, sample) || engine->invoke(engine)) return 1;
    for (size_t i = 0; i < engine->outputs; i++) {
      uint8_t *bytes = malloc(engine->output_bytes[i]);
      if (!bytes || engine->get_output(engine, i, bytes)) return 1;
      printf("output %zu ", i);
      for (size_t k = 0; k < engine->output_bytes[i]; k++) {
        putchar(digits[bytes[k] >> 4]);
        putchar(digits[bytes[k] & 15]);
      }
      putchar('\n');
      free(bytes);
    }
  }
  return 0;
}

static const char *open_engine(struct engine *engine, void *library, const char *model, const struct job *job) {
  const char *reason = dlsym(library, "LiteRtCreateCompiledModel") ? litert_open(engine, library, model, job)
                                                                    : tflite_open(engine, library, model, job);
  if (reason) return reason;
  if (engine->inputs != job->inputs) return "the job has another number of inputs than the model";
  for (size_t i = 0; i < engine->inputs; i++)
    if (engine->input_bytes[i] != job->input_bytes[i]) return "the job's samples have another size than the model's input";
  return NULL;
}

static int run(const struct job *job, const char *model, const char *library_path) {
  static struct engine engine;
  static uint64_t latencies[MAX_RUNS + 10];
  static const char failed[] = "An inference failed";
  print_memory("start");
  step("loading the runtime");
  void *library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return fail(EXIT_DEVICE, "The TFLite library does not load", dlerror(),
                "Name with --library one that is built for this device.");
  print_memory("runtime");
  step("loading the model");
  uint64_t begin = now_ns();
  const char *reason = open_engine(&engine, library, model, job);
  if (reason) return fail(EXIT_DEVICE, "The model does not open", reason,
                            "Use --runner python, or another library with --library.");
  printf("runtime %s\nversion %s\nload_ns %" PRIu64 "\n", engine.name, engine.version, now_ns() - begin);
  step("running the model");
  if (set_sample(&engine, job, 0)) return fail(EXIT_DEVICE, failed, "an input was refused", "");
  begin = now_ns();
  if (engine.invoke(&engine)) return fail(EXIT_DEVICE, failed, "the first one", "");
  printf("first_ns %" PRIu64 "\n", now_ns() - begin);
  print_memory("model");
  step("timing");
  size_t count = warm_up(&engine, job, latencies);
  print_latencies("warmup_ns", latencies, count);
  print_state("before");
  count = count ? time_runs(&engine, job, latencies) : 0;
  if (!count) return fail(EXIT_DEVICE, failed, "while timing", "");
  print_state("after");
  print_latencies("latency_ns", latencies, count);
  step("evaluating");
  if (job->evaluate && evaluate(&engine, job)) return fail(EXIT_DEVICE, failed, "while evaluating", "");
  printf("done\n");
  return 0;
}

int main(int count, char **arguments) {
  struct job job;
  if (count != 4) return fail(EXIT_INPUT, "Wrong usage", "JOB MODEL LIBRARY are needed", "");
  const char *reason = job_read(arguments[1], &job);
  if (reason) return fail(EXIT_INPUT, "The job is not valid", reason, "Send it again.");
  alarm(job.time_limit_s);  // the kernel ends a run that hangs
  int code = run(&job, arguments[2], arguments[3]);
  if (fflush(stdout)) code = EXIT_DEVICE;
  // The runtimes' own clean-up at exit is not part of the measurement, and some crash in it.
  _exit(code);
}

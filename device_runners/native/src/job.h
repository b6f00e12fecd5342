// The host's plain binary job, little-endian; written by device_runners/native/job.py.
//
//   char[4]  "EPJ1"
//   uint32   threads, xnnpack (0 or 1), runs, warmup_runs, time_limit_s, evaluate (0 or 1)
//   uint64   min_time_ns, max_time_ns, warmup_time_ns
//   uint32   inputs (1..16), samples (1..1000000)
//   uint64   bytes of one sample, for each input
//   bytes    samples: for each sample, for each input, its bytes
//
// The file ends there; a longer or shorter one is refused.
#ifndef EDGEPRUNE_JOB_H
#define EDGEPRUNE_JOB_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_TENSORS = 16, MAX_SAMPLES = 1000000, MAX_RUNS = 20000 };

struct job {
  uint32_t threads, xnnpack, runs, warmup_runs, time_limit_s, evaluate;
  uint64_t min_time_ns, max_time_ns, warmup_time_ns;
  uint32_t inputs, samples;
  size_t input_bytes[MAX_TENSORS];
  size_t sample_bytes;  // sum of input_bytes
  const uint8_t *data;  // samples * sample_bytes
  uint8_t *file;        // owns data
};

// Reads and checks a job; on failure returns a reason and leaves nothing to free.
const char *job_read(const char *path, struct job *job);

#endif

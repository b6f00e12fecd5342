#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 30 };

struct reader {
  const uint8_t *at;
  size_t left;
  int failed;
};

static uint64_t take(struct reader *reader, size_t bytes) {
  uint64_t value = 0;
  if (reader->left < bytes) {
    reader->failed = 1;
    return 0;
  }
  for (size_t i = 0; i < bytes; i++) value |= (uint64_t)reader->at[i] << (8 * i);
  reader->at += bytes;
  reader->left -= bytes;
  return value;
}

static uint32_t take32(struct reader *reader) { return (uint32_t)take(reader, 4); }

static uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  uint8_t *content = NULL;
  long end = -1;
  if (fseek(file, 0, SEEK_END) == 0) end = ftell(file);
  if (end > 0 && end <= MAX_FILE_BYTES && fseek(file, 0, SEEK_SET) == 0) content = malloc((size_t)end);
  if (content && fread(content, 1, (size_t)end, file) != (size_t)end) {
    free(content);
    content = NULL;
  }
  fclose(file);
  *size = content ? (size_t)end : 0;
  return content;
}

static const char *parse(struct reader *in, struct job *job) {
  if (in->left < 4 || memcmp(in->at, "EPJ1", 4) != 0) return "it does not begin with EPJ1";
  take32(in);
  job->threads = take32(in);
  job->xnnpack = take32(in);
  job->runs = take32(in);
  job->warmup_runs = take32(in);
  job->time_limit_s = take32(in);
  job->evaluate = take32(in);
  job->min_time_ns = take(in, 8);
  job->max_time_ns = take(in, 8);
  job->warmup_time_ns = take(in, 8);
  job->inputs = take32(in);
  job->samples = take32(in);
  if (in->failed) return "it is cut short";
  if (job->threads < 1 || job->threads > 64) return "threads are not 1 to 64";
  if (job->runs < 1 || job->runs > MAX_RUNS || job->warmup_runs > MAX_RUNS) return "runs are out of range";
  if (job->inputs < 1 || job->inputs > MAX_TENSORS) return "inputs are not 1 to 16";
  if (job->samples < 1 || job->samples > MAX_SAMPLES) return "samples are not 1 to 1000000";
  job->sample_bytes = 0;
  for (uint32_t i = 0; i < job->inputs; i++) {
    uint64_t bytes = take(in, 8);
    if (in->failed) return "it is cut short";
    if (bytes < 1 || bytes > MAX_FILE_BYTES) return "the size of an input is out of range";
    job->input_bytes[i] = (size_t)bytes;
    job->sample_bytes += (size_t)bytes;  // at most 16 GiB, and the next check bounds it
    if (job->sample_bytes > MAX_FILE_BYTES) return "a sample is too large";
  }
  // Division, since a product could overflow.
  if (in->left / job->sample_bytes != job->samples || in->left % job->sample_bytes != 0)
    return "the samples are not as many bytes as announced";
  job->data = in->at;
  return NULL;
}

const char *job_read(const char *path, struct job *job) {
  size_t size = 0;
  memset(job, 0, sizeof *job);
  job->file = read_file(path, &size);
  if (!job->file) return "it cannot be read, is empty or exceeds 1 GiB";
  struct reader reader = {job->file, size, 0};
  const char *reason = parse(&reader, job);
  if (reason) free(job->file);
  return reason;
}

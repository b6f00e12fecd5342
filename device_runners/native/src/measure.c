#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK_RUNS = 10 };
static const double SPREAD_LIMIT = 0.10;
static const char *const STATE_FILES[] = {
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "/sys/class/thermal/thermal_zone0/temp",
    "/sys/devices/platform/soc/soc:firmware/get_throttled",
    "/proc/loadavg",
};

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int compare(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

// (p75 - p25) / p50; a quarter is near enough without interpolation.
static double spread(const uint64_t *latencies, size_t count) {
  static uint64_t sorted[MAX_RUNS + BLOCK_RUNS];
  memcpy(sorted, latencies, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare);
  double middle = (double)sorted[count / 2];
  return middle > 0 ? (double)(sorted[count * 3 / 4] - sorted[count / 4]) / middle : 0;
}

static int enough(const uint64_t *latencies, size_t count, uint64_t elapsed, const struct job *job) {
  if (count >= MAX_RUNS || (count && elapsed >= job->max_time_ns)) return 1;
  if (count < job->runs || elapsed < job->min_time_ns) return 0;
  return spread(latencies, count) <= SPREAD_LIMIT;
}

static int one(struct engine *engine, uint64_t *latency) {
  uint64_t begin = now_ns();
  int failed = engine->invoke(engine);
  *latency = now_ns() - begin;
  return failed;
}

size_t warm_up(struct engine *engine, const struct job *job, uint64_t *latencies) {
  size_t count = 0;
  uint64_t begin = now_ns();
  while (count < MAX_RUNS && (count < 1 || count < job->warmup_runs || now_ns() - begin < job->warmup_time_ns))
    if (one(engine, &latencies[count++])) return 0;
  return count;
}

size_t time_runs(struct engine *engine, const struct job *job, uint64_t *latencies) {
  size_t count = 0;
  uint64_t begin = now_ns();
  while (!enough(latencies, count, now_ns() - begin, job))
    for (int i = 0; i < BLOCK_RUNS; i++)
      if (one(engine, &latencies[count++])) return 0;
  return count;
}

static void print_field(const char *when, const char *path, const char *field) {
  char line[256];
  FILE *file = fopen(path, "r");
  if (!file) return;
  while (fgets(line, sizeof line, file)) {
    unsigned long kilobytes = 0;
    size_t length = strlen(field);
    if (strncmp(line, field, length) == 0 && line[length] == ':' &&
        sscanf(line + length + 1, "%lu", &kilobytes) == 1) {
      printf("memory %s %s %lu\n", when, field, kilobytes);
      break;
    }
  }
  fclose(file);
}

void print_memory(const char *when) {
  print_field(when, "/proc/self/status", "VmRSS");
  print_field(when, "/proc/self/status", "VmHWM");
  print_field(when, "/proc/self/smaps_rollup", "Pss");
}

void print_state(const char *when) {
  for (size_t i = 0; i < sizeof STATE_FILES / sizeof *STATE_FILES; i++) {
    char line[128];
    FILE *file = fopen(STATE_FILES[i], "r");
    if (!file) continue;
    if (fgets(line, sizeof line, file)) {
      line[strcspn(line, "\n")] = 0;
      printf("state %s %s %s\n", when, STATE_FILES[i], line);
    }
    fclose(file);
  }
}

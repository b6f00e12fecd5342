// Warm-ups, then timed runs, as device_runners/agent/measure.py does it; and what the kernel shows of this
// process and of the device, printed as it stands for the host to read.
#ifndef EDGEPRUNE_MEASURE_H
#define EDGEPRUNE_MEASURE_H

#include "engine.h"

uint64_t now_ns(void);

// Both fill `latencies` (room for MAX_RUNS + 10) and return how many there are; 0 if an inference failed.
size_t warm_up(struct engine *engine, const struct job *job, uint64_t *latencies);
size_t time_runs(struct engine *engine, const struct job *job, uint64_t *latencies);

// Prints "memory WHEN FIELD KB" for VmRSS, VmHWM and Pss.
void print_memory(const char *when);
// Prints "state WHEN PATH FIRST-LINE" for the files that tell clock, temperature, throttling and load.
void print_state(const char *when);

#endif

// Warm-ups, then timed runs, as device_runners/agent/measure.py does it.
#ifndef EDGEPRUNE_MEASURE_H
#define EDGEPRUNE_MEASURE_H

#include "engine.h"

uint64_t now_ns(void);

// Both fill `latencies` (room for MAX_RUNS + 10) and return how many there are; 0 if an inference failed.
size_t warm_up(struct engine *engine, const struct job *job, uint64_t *latencies);
size_t time_runs(struct engine *engine, const struct job *job, uint64_t *latencies);

#endif

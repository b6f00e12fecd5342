// What the kernel shows of this process and of the device, printed as it stands for the host to read.
#ifndef EDGEPRUNE_PROCESS_H
#define EDGEPRUNE_PROCESS_H

// Prints "memory WHEN FIELD KB" for VmRSS, VmHWM and Pss.
void print_memory(const char *when);
// Prints "state WHEN PATH FIRST-LINE" for the files that tell clock, temperature, throttling and load.
void print_state(const char *when);

#endif

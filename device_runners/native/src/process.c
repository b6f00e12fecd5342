#include "process.h"

#include <stdio.h>
#include <string.h>

static const char *const STATE_FILES[] = {
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "/sys/class/thermal/thermal_zone0/temp",
    "/sys/devices/platform/soc/soc:firmware/get_throttled",
    "/proc/loadavg",
};

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

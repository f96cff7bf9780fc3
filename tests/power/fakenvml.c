/* A fake libnvidia-ml.so.1: GPUs whose power is a square wave, with a truth in closed form.

   Build: gcc -shared -fPIC -o libnvidia-ml.so.1 fakenvml.c -lm
   Parameters come from the environment (FAKE_NVML_...): HIGH_W, LOW_W, PERIOD_S, DUTY, T0 (seconds of
   CLOCK_MONOTONIC), UPDATE_S and WINDOW_S of the power, STEP_S of the energy counter, NO_COUNTER,
   NO_POWER, ARCHITECTURE, NAME, NAME_1 (of the second GPU, and so on), COUNT, STUCK_J (what the
   counter shows, always), JUMP_J (what it shows too much from AT_S on), ONE_UUID (all GPUs have the
   same), MIG (slices of the first GPU). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int ret;
enum { OK = 0, BAD_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, SLICE = 100 };
typedef struct {
  unsigned field, scope;
  long long timestamp, latency;
  int type, status;
  union { double d; unsigned u; unsigned long long ull; } value;
} field_value;

static double number(const char *name, double otherwise) {
  char key[64];
  snprintf(key, sizeof key, "FAKE_NVML_%s", name);
  const char *text = getenv(key);
  return text ? atof(text) : otherwise;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec - number("T0", 0);
}

static double energy(double t) { /* exact, in J since T0 */
  double high = number("HIGH_W", 300), low = number("LOW_W", 60);
  double period = number("PERIOD_S", 2), on = number("DUTY", 0.5) * period;
  double n = floor(t / period), r = t - n * period;
  double whole = n * (on * high + (period - on) * low);
  return whole + (r < on ? r * high : on * high + (r - on) * low);
}

static double power(double update, double window) {
  double t = floor(now() / update) * update;
  return (energy(t) - energy(t - window)) / window;
}

ret nvmlInit_v2(void) { return OK; }
ret nvmlInitWithFlags(unsigned flags) { return OK; }
ret nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(ret r) { return r == NOT_SUPPORTED ? "Not Supported" : "Error"; }
ret nvmlSystemGetDriverVersion(char *out, unsigned n) { return snprintf(out, n, "fake"), OK; }
ret nvmlDeviceGetCount_v2(unsigned *n) { return *n = (unsigned)number("COUNT", 1), OK; }

ret nvmlDeviceGetHandleByIndex_v2(unsigned i, void **gpu) {
  if (i >= (unsigned)number("COUNT", 1)) return BAD_ARGUMENT;
  return *gpu = (void *)(size_t)(i + 1), OK;
}
ret nvmlDeviceGetHandleByUUID(const char *uuid, void **gpu) {
  return *gpu = (void *)(size_t)(atoi(uuid + strlen("GPU-")) + 1), OK;
}
ret nvmlDeviceGetUUID(void *gpu, char *out, unsigned n) {
  int i = (int)(size_t)gpu - 1;
  if (i >= SLICE) return snprintf(out, n, "MIG-%d", i - SLICE), OK;
  return snprintf(out, n, "GPU-%d", number("ONE_UUID", 0) ? 0 : i), OK;
}
ret nvmlDeviceGetName(void *gpu, char *out, unsigned n) {
  int i = (int)(size_t)gpu - 1;
  char key[64] = "FAKE_NVML_NAME";
  if (i >= SLICE) return snprintf(out, n, "Fake GPU MIG 1g.5gb"), OK;
  if (i) snprintf(key, sizeof key, "FAKE_NVML_NAME_%d", i);
  const char *name = getenv(key) ? getenv(key) : getenv("FAKE_NVML_NAME");
  return snprintf(out, n, "%s", name ? name : "Fake GPU"), OK;
}
ret nvmlDeviceGetMigMode(void *gpu, unsigned *now, unsigned *pending) {
  if (!number("MIG", 0)) return NOT_SUPPORTED;
  return *now = *pending = gpu == (void *)1, OK;
}
ret nvmlDeviceGetMaxMigDeviceCount(void *gpu, unsigned *n) { return *n = 7, OK; }
ret nvmlDeviceGetMigDeviceHandleByIndex(void *gpu, unsigned i, void **slice) {
  if (i >= (unsigned)number("MIG", 0)) return NOT_FOUND;
  return *slice = (void *)(size_t)(SLICE + i + 1), OK;
}
ret nvmlDeviceGetArchitecture(void *gpu, unsigned *a) {
  return *a = (unsigned)number("ARCHITECTURE", 6), OK;
}
/* Not about power, but a tracker that asks for these gives up a GPU that lacks them. */
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned gpu, memory; } utilization;
ret nvmlDeviceGetMemoryInfo(void *gpu, memory *m) { return *m = (memory){1, 1, 0}, OK; }
ret nvmlDeviceGetTemperature(void *gpu, int sensor, unsigned *c) { return *c = 40, OK; }
ret nvmlDeviceGetUtilizationRates(void *gpu, utilization *u) { return *u = (utilization){1, 1}, OK; }
ret nvmlDeviceGetComputeMode(void *gpu, int *mode) { return *mode = 0, OK; }
ret nvmlDeviceGetComputeRunningProcesses_v3(void *gpu, unsigned *n, void *p) { return *n = 0, OK; }
ret nvmlDeviceGetGraphicsRunningProcesses_v3(void *gpu, unsigned *n, void *p) { return *n = 0, OK; }
ret nvmlDeviceGetEnforcedPowerLimit(void *gpu, unsigned *mw) { return *mw = 300000, OK; }

ret nvmlDeviceGetPowerManagementLimit(void *gpu, unsigned *mw) { return *mw = 300000, OK; }
ret nvmlDeviceGetPowerManagementDefaultLimit(void *gpu, unsigned *mw) { return *mw = 300000, OK; }
ret nvmlDeviceGetPowerManagementLimitConstraints(void *gpu, unsigned *low, unsigned *high) {
  return *low = 100000, *high = 300000, OK;
}

ret nvmlDeviceGetPowerUsage(void *gpu, unsigned *mw) {
  if (number("NO_POWER", 0)) return NOT_SUPPORTED;
  *mw = (unsigned)lrint(1e3 * power(number("UPDATE_S", 0.1), number("WINDOW_S", 0.1)));
  return OK;
}
ret nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *mj) {
  double step = number("STEP_S", 0.1);
  if (number("NO_COUNTER", 0)) return NOT_SUPPORTED;
  if (number("STUCK_J", -1) >= 0) return *mj = (unsigned long long)(1e3 * number("STUCK_J", 0)), OK;
  double jump = now() >= number("AT_S", 0) ? number("JUMP_J", 0) : 0;
  *mj = (unsigned long long)(1e3 * (energy(floor(now() / step) * step) + jump));
  return OK;
}
ret nvmlDeviceGetFieldValues(void *gpu, int n, field_value *values) {
  for (int i = 0; i < n; i++) {
    double window = values[i].field == 186 ? 0.01 : number("WINDOW_S", 0.1);
    values[i].type = 1;
    values[i].status = values[i].field == 185 || values[i].field == 186 ? OK : NOT_SUPPORTED;
    values[i].value.u = (unsigned)lrint(1e3 * power(number("UPDATE_S", 0.1), window));
  }
  return OK;
}

/* A stand-in for libcuda.so.1, as far as the set-up asks it.

   Build: gcc -shared -fPIC -o libcuda.so.1 fakecuda.c
   Parameters come from the environment (FAKE_CUDA_...): ERROR of cuInit, VERSION (12080 is 12.8),
   CAPABILITIES of the GPUs ("75 90"; empty for none), HANG or CRASH set to 1. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static int capability(int device) { /* 10 * major + minor */
  const char *at = text("FAKE_CUDA_CAPABILITIES");
  for (; device > 0 && at; device--) at = strchr(at, ' ') ? strchr(at, ' ') + 1 : 0;
  return at ? atoi(at) : 0;
}

int cuInit(unsigned flags) {
  if (*text("FAKE_CUDA_HANG")) sleep(600);
  if (*text("FAKE_CUDA_CRASH")) abort();
  return flags ? 1 : atoi(text("FAKE_CUDA_ERROR"));
}

int cuDriverGetVersion(int *version) { return *version = atoi(text("FAKE_CUDA_VERSION")), 0; }

int cuDeviceGetCount(int *count) {
  for (*count = 0; capability(*count); ++*count) {
  }
  return 0;
}

int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 75 ? capability(device) / 10 : capability(device) % 10;
  return attribute == 75 || attribute == 76 ? 0 : 1;
}

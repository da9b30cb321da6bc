#include "probes.h"

#include <asm/unistd_64.h>

const int probe_numbers_64[] = {
#define PROBE(name) __NR_##name,
#include "probes.def"
#undef PROBE
};

const char *const probe_names[] = {
#define PROBE(name) #name,
#include "probes.def"
#undef PROBE
};

const size_t n_probes = sizeof probe_numbers_64 / sizeof probe_numbers_64[0];

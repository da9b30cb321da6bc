/* The numbers of i386, whose header cannot share a file with x86-64's. */
#include "probes.h"

#include <asm/unistd_32.h>

const int probe_numbers_32[] = {
#define PROBE(name) __NR_##name,
#include "probes.def"
#undef PROBE
};

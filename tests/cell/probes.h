/* Hostile system calls and the ways to make them; what a hijacked cell is told to do. */
#ifndef TESTS_CELL_PROBES_H
#define TESTS_CELL_PROBES_H

#include <stddef.h>
#include <stdint.h>

enum probe_way {
    PROBE_SYSCALL, /* the 64-bit way */
    PROBE_INT80,   /* the 32-bit way, with i386's numbers */
    PROBE_X32,     /* the number with x32's bit */
    PROBE_WAYS
};

/* The "table" that a hijacked cell is given to read. */
struct probe {
    uint32_t way;
    int32_t number;
    int64_t arguments[6];
};

/* Makes the call and gives what comes back. */
long probe_run(const struct probe *probe);

extern const int probe_numbers_64[];
extern const int probe_numbers_32[];
extern const char *const probe_names[];
extern const size_t n_probes;

#endif

/* What the fault library and the driver share: a file of this layout, mapped by both. */
#ifndef MER_TESTS_FAULT_STATE_H
#define MER_TESTS_FAULT_STATE_H

#include <stdatomic.h>
#include <stdint.h>

struct fault_state {
    _Atomic uint64_t requests; /* requests of the chosen kind so far */
    _Atomic uint64_t faults;   /* how many of them were made to fail */
};

#endif

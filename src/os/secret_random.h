/* Randomness for secrets, straight from the kernel (getrandom). No seed, no state, no way to
 * reproduce it: the counterpart of core/rng.h. */
#ifndef MER_OS_SECRET_RANDOM_H
#define MER_OS_SECRET_RANDOM_H

#include "core/status.h"

MER_MUST_CHECK mer_status mer_secret_random(void *ret_bytes, size_t n, mer_err *err);

#endif

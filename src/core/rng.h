/* Seeded, counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011). Reproducible everywhere, never usable where a secret is
 * needed: secrets come from mer_secret_random (os/secret_random.h), which is another type.
 *
 * A stream is a key (the seed) and a 64-bit stream number; streams do not overlap. Derive one
 * stream per purpose (fold assignment, trial 17, tree 3) instead of sharing one: order then does
 * not matter.
 */
#ifndef MER_CORE_RNG_H
#define MER_CORE_RNG_H

#include "core/status.h"

typedef struct mer_rng {
    uint32_t key[2];
    uint32_t counter[4];
    uint32_t block[4];
    unsigned used; /* words of block already given out */
} mer_rng;

/* One block of the generator: four words from a counter and a key. Known answers: Random123. */
void mer_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret_block[4]);

void mer_rng_init(mer_rng *rng, uint64_t seed, uint64_t stream);
/* A stream number from a purpose and an index, so that purposes do not collide. */
uint64_t mer_rng_stream(const char *purpose, uint64_t index);

uint32_t mer_rng_u32(mer_rng *rng);
uint64_t mer_rng_u64(mer_rng *rng);
/* Uniform in [0, bound), without bias (Lemire, "Fast random integer generation in an interval",
 * 2019); bound > 0. */
uint64_t mer_rng_below(mer_rng *rng, uint64_t bound);
/* Uniform in [0, 1), 53 bits. */
double mer_rng_uniform(mer_rng *rng);
/* Goes to the stream's n-th block of four words. A normal takes a whole block. */
void mer_rng_seek(mer_rng *rng, uint64_t n_blocks);
/* Standard normal (Box-Muller over core/math.h: the same bits everywhere). */
double mer_rng_normal(mer_rng *rng);
/* Fisher-Yates over n row numbers. */
void mer_rng_shuffle(mer_rng *rng, uint32_t *rows, size_t n);

#endif

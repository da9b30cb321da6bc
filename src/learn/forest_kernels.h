/* The inner loops of growing a forest, once per instruction set.
 *
 * All tables give the same bits: everything here is whole numbers. A node's rows are numbered from
 * 0; bins[n] are theirs in one feature, in memory that has MER_FOREST_PAD bytes more behind.
 */
#ifndef MER_LEARN_FOREST_KERNELS_H
#define MER_LEARN_FOREST_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "core/cpu.h"

enum { MER_FOREST_PAD = 64, MER_FOREST_SORT_MAX = 64 };

struct mer_forest_kernels {
    /* The least and the largest bin; n > 0. */
    void (*range)(const uint8_t *bins, size_t n, uint32_t *ret_least, uint32_t *ret_largest);

    /* How many rows of each plane have at most that bin. planes[word][n_planes]: bit i of word w is
     * row 64 w + i; no plane has bits from n on. */
    void (*count_left)(const uint8_t *bins, size_t n, uint8_t border, const uint64_t *planes,
                       size_t n_planes, uint32_t *ret_counts);

    /* Rows in the order of their bins, equal ones in their own: bin << 16 | row. n is at most
     * MER_FOREST_SORT_MAX. */
    void (*sort)(const uint8_t *bins, size_t n, uint32_t *ret_keys);
};

extern const struct mer_forest_kernels MER_FOREST_KERNELS_PLAIN;
extern const struct mer_forest_kernels MER_FOREST_KERNELS_AVX2;
extern const struct mer_forest_kernels MER_FOREST_KERNELS_AVX512;

/* The table for that level; the processor must have it. */
const struct mer_forest_kernels *mer_forest_kernels(enum mer_cpu_level level);

#endif

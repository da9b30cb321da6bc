/* Growing a forest on any processor, and the choice among the tables. */
#include "learn/forest_kernels.h"

static void range(const uint8_t *bins, size_t n, uint32_t *ret_least, uint32_t *ret_largest)
{
    uint8_t least = 255;
    uint8_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        least = bins[i] < least ? bins[i] : least;
        largest = bins[i] > largest ? bins[i] : largest;
    }
    *ret_least = least;
    *ret_largest = largest;
}

static void count_left(const uint8_t *bins, size_t n, uint8_t border, const uint64_t *planes,
                       size_t n_planes, uint32_t *ret_counts)
{
    for (size_t k = 0; k < n_planes; k++)
        ret_counts[k] = 0;
    for (size_t begin = 0; begin < n; begin += 64, planes += n_planes) {
        const size_t n_here = n - begin < 64 ? n - begin : 64;
        uint64_t left = 0;
        for (size_t i = 0; i < n_here; i++)
            left |= (uint64_t)(bins[begin + i] <= border) << i;
        for (size_t k = 0; k < n_planes; k++)
            ret_counts[k] += (uint32_t)__builtin_popcountll(planes[k] & left);
    }
}

static void sort(const uint8_t *bins, size_t n, uint32_t *ret_keys)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t key = (uint32_t)bins[i] << 16 | (uint32_t)i;
        size_t at = i;
        for (; at > 0 && ret_keys[at - 1] > key; at--)
            ret_keys[at] = ret_keys[at - 1];
        ret_keys[at] = key;
    }
}

const struct mer_forest_kernels MER_FOREST_KERNELS_PLAIN = {range, count_left, sort};

const struct mer_forest_kernels *mer_forest_kernels(enum mer_cpu_level level)
{
    static const struct mer_forest_kernels *const tables[MER_CPU_LEVEL_COUNT] = {
        [MER_CPU_PLAIN] = &MER_FOREST_KERNELS_PLAIN,
        [MER_CPU_AVX2] = &MER_FOREST_KERNELS_AVX2,
        [MER_CPU_AVX512] = &MER_FOREST_KERNELS_AVX512,
    };
    return tables[level];
}

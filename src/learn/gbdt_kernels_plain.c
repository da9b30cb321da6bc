/* The kernels of gradient boosting for any processor, and the choice among the tables. */
#define KERNELS MER_GBDT_KERNELS_PLAIN
enum { WIDTH = 2 };
#include "learn/gbdt_kernels_body.h"

const struct mer_gbdt_kernels *mer_gbdt_kernels(enum mer_cpu_level level)
{
    static const struct mer_gbdt_kernels *const tables[MER_CPU_LEVEL_COUNT] = {
        [MER_CPU_PLAIN] = &MER_GBDT_KERNELS_PLAIN,
        [MER_CPU_AVX2] = &MER_GBDT_KERNELS_AVX2,
        [MER_CPU_AVX512] = &MER_GBDT_KERNELS_AVX512,
    };
    return tables[level];
}

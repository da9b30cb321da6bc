/* The kernels of the linear family for any processor, and the choice among the tables. */
#define KERNELS MER_LINEAR_KERNELS_PLAIN
enum { WIDTH = 2, DOT_ROWS = 1, DOT_OUTPUTS = 2, SUM_OUTPUTS = 2, SUM_VECTORS = 4 };
#include "learn/linear_kernels_body.h"

const struct mer_linear_kernels *mer_linear_kernels(enum mer_cpu_level level)
{
    static const struct mer_linear_kernels *const tables[MER_CPU_LEVEL_COUNT] = {
        [MER_CPU_PLAIN] = &MER_LINEAR_KERNELS_PLAIN,
        [MER_CPU_AVX2] = &MER_LINEAR_KERNELS_AVX2,
        [MER_CPU_AVX512] = &MER_LINEAR_KERNELS_AVX512,
    };
    return tables[level];
}

/* The kernels of the kernel family for any processor, and the choice among the tables. */
#define KERNELS MER_WAVE_KERNELS_PLAIN
enum { WIDTH = 2, ROWS = 2, VECTORS = 4 };
#include "learn/wave_kernels_body.h"

const struct mer_wave_kernels *mer_wave_kernels(enum mer_cpu_level level)
{
    static const struct mer_wave_kernels *const tables[MER_CPU_LEVEL_COUNT] = {
        [MER_CPU_PLAIN] = &MER_WAVE_KERNELS_PLAIN,
        [MER_CPU_AVX2] = &MER_WAVE_KERNELS_AVX2,
        [MER_CPU_AVX512] = &MER_WAVE_KERNELS_AVX512,
    };
    return tables[level];
}

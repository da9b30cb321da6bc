#include "core/cpu.h"

#include <stddef.h>

enum mer_cpu_level mer_cpu_detect(void)
{
#if defined(__x86_64__)
    /* The compiler's runtime asks the processor and whether the system saves the wide registers. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return MER_CPU_PLAIN;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return MER_CPU_AVX512;
    return MER_CPU_AVX2;
#else
    return MER_CPU_PLAIN;
#endif
}

const char *mer_cpu_level_name(enum mer_cpu_level level)
{
    static const char *const names[MER_CPU_LEVEL_COUNT] = {
        [MER_CPU_PLAIN] = "plain", [MER_CPU_AVX2] = "avx2", [MER_CPU_AVX512] = "avx512"};
    return (size_t)level < MER_CPU_LEVEL_COUNT ? names[level] : "unknown";
}

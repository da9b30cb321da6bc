/* Which instruction sets the kernels may use: what the processor has, lowered on request. */
#ifndef MER_CORE_CPU_H
#define MER_CORE_CPU_H

enum mer_cpu_level {
    MER_CPU_PLAIN,  /* plain C: the reference */
    MER_CPU_AVX2,   /* AVX2 and FMA */
    MER_CPU_AVX512, /* AVX-512 F, DQ, BW, VL */
    MER_CPU_LEVEL_COUNT
};

/* The best level of this processor and operating system; constant for the life of the process. */
enum mer_cpu_level mer_cpu_detect(void);
const char *mer_cpu_level_name(enum mer_cpu_level level); /* "plain", "avx2", "avx512" */

#endif

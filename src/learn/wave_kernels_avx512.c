/* The kernels of the kernel family for AVX-512: 32 registers of eight doubles. */
#define KERNELS MER_WAVE_KERNELS_AVX512
enum { WIDTH = 8, ROWS = 4, VECTORS = 4 };
#include "learn/wave_kernels_body.h"

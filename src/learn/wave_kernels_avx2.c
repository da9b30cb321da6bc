/* The kernels of the kernel family for AVX2: 16 registers of four doubles. */
#define KERNELS MER_WAVE_KERNELS_AVX2
enum { WIDTH = 4, ROWS = 4, VECTORS = 2 };
#include "learn/wave_kernels_body.h"

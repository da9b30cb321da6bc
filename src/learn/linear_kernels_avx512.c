/* The kernels of the linear family for AVX-512: 32 registers of eight doubles. */
#define KERNELS MER_LINEAR_KERNELS_AVX512
enum { WIDTH = 8, DOT_ROWS = 4, DOT_OUTPUTS = 5, SUM_OUTPUTS = 4, SUM_VECTORS = 4 };
#include "learn/linear_kernels_body.h"

/* The kernels of the linear family for AVX2: 16 registers of four doubles. */
#define KERNELS MER_LINEAR_KERNELS_AVX2
enum { WIDTH = 4, DOT_ROWS = 3, DOT_OUTPUTS = 2, SUM_OUTPUTS = 3, SUM_VECTORS = 3 };
#include "learn/linear_kernels_body.h"

/* The kernels of the linear family for AVX2: a vector of lanes is two of 16 registers. */
#define KERNELS MER_LINEAR_KERNELS_AVX2
enum { DOT_ROWS = 2, DOT_OUTPUTS = 2, SUM_OUTPUTS = 3, SUM_VECTORS = 2 };
#include "learn/linear_kernels_body.h"

/* The kernels of the linear family for AVX-512: a vector of lanes is one of 32 registers. */
#define KERNELS MER_LINEAR_KERNELS_AVX512
enum { DOT_ROWS = 4, DOT_OUTPUTS = 5, SUM_OUTPUTS = 5, SUM_VECTORS = 4 };
#include "learn/linear_kernels_body.h"

/* The kernels of gradient boosting for AVX-512. */
#define KERNELS MER_GBDT_KERNELS_AVX512
enum { WIDTH = 8 };
#include "learn/gbdt_kernels_body.h"

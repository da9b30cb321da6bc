/* The kernels of gradient boosting for AVX2. */
#define KERNELS MER_GBDT_KERNELS_AVX2
enum { WIDTH = 4 };
#include "learn/gbdt_kernels_body.h"

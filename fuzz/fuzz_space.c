/* Search spaces that users write: refused, or families whose every point is a setting that they
 * can have. */
#include <stdlib.h>

#include "automl/space.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_family(const struct mer_space_family *own, double at)
{
    double x[MER_SPACE_DIMS_MAX], again[MER_SPACE_DIMS_MAX];
    require(own->family && own->n_dims <= MER_SPACE_DIMS_MAX);
    for (size_t d = 0; d < own->n_dims; d++) {
        require(own->dims[d].param < own->family->n_params);
        x[d] = at;
    }
    const struct mer_params params = mer_space_params(own, x);
    require(mer_params_valid(own->family->params, own->family->n_params, &params));
    mer_space_locate(own, &params, again);
    for (size_t d = 0; d < own->n_dims; d++)
        require(again[d] >= 0 && again[d] <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    static struct mer_space space;
    mer_alloc_init(&alloc, (size_t)64 << 20);
    const struct mer_ctx ctx = {.alloc = &alloc};
    mer_err err;
    const mer_status status = mer_space_read(&ctx, (const char *)bytes, n, &space, &err);
    if (mer_is_ok(status)) {
        require(space.n_families > 0 && space.n_families <= MER_SPACE_FAMILIES_MAX);
        for (size_t i = 0; i < space.n_families; i++)
            for (int at = 0; at <= 8; at++)
                try_family(&space.families[i], (double)at / 8);
    } else {
        require(status.code == MER_ERR_DATA || status.code == MER_ERR_MEMORY);
        require(err.message[0] != '\0');
    }
    require(atomic_load(&alloc.used) == 0);
    return 0;
}

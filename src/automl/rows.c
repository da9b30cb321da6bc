#include "automl/rows.h"

#include <string.h>

void mer_rows_release(const struct mer_ctx *ctx, struct mer_rows *rows)
{
    mer_free(ctx->alloc, rows->dense);
    mer_free(ctx->alloc, rows->codes);
    mer_free(ctx->alloc, rows->values);
    mer_free(ctx->alloc, rows->classes);
    mer_free(ctx->alloc, rows->weights);
    *rows = (struct mer_rows){.dense = NULL};
}

enum part { DENSE, CODES, VALUES, CLASSES, WEIGHTS };

/* Row 0 of a source's part; NULL where it has none. */
static const void *part_of(const struct mer_row_source *source, enum part part)
{
    const struct mer_target *const target = source->target;
    const size_t first = source->target_first;
    switch (part) {
    case DENSE:
        return source->design->dense;
    case CODES:
        return source->design->codes;
    case VALUES:
        return target->values ? target->values + first : NULL;
    case CLASSES:
        return target->classes ? target->classes + first : NULL;
    case WEIGHTS:
        break;
    }
    return target->weights ? target->weights + first : NULL;
}

/* One part of all rows, `size` bytes each; NULL of NULL. */
static mer_status copy_part(const struct mer_ctx *ctx, const struct mer_row_source *sources,
                            size_t n_sources, size_t n_rows, enum part part, size_t size,
                            void *ret_copy, mer_err *err)
{
    unsigned char *copy = NULL, *to;

    if (part_of(&sources[0], part) && size > 0)
        MER_GUARD(mer_alloc_array(ctx->alloc, n_rows, size, &copy, err));
    to = copy;
    for (size_t s = 0; to && s < n_sources; s++) {
        const struct mer_row_source *const source = &sources[s];
        const unsigned char *const from = part_of(source, part);
        for (size_t i = 0; i < source->n; i++, to += size)
            memcpy(to, from + (source->rows ? source->rows[i] : i * source->stride) * size, size);
    }
    memcpy(ret_copy, &copy, sizeof(copy));
    return mer_ok();
}

mer_status mer_rows_copy(const struct mer_ctx *ctx, const struct mer_row_source *sources,
                         size_t n_sources, struct mer_rows *ret_rows, mer_err *err)
{
    struct mer_rows *const rows = ret_rows;
    const struct mer_design *const design = sources[0].design;
    size_t n = 0;

    *rows = (struct mer_rows){.design = *design, .target = *sources[0].target};
    for (size_t s = 0; s < n_sources; s++)
        n += sources[s].n;
    MER_GUARD(copy_part(ctx, sources, n_sources, n, DENSE, design->n_dense * sizeof(double),
                        &rows->dense, err));
    MER_GUARD(copy_part(ctx, sources, n_sources, n, CODES, design->n_groups * sizeof(int32_t),
                        &rows->codes, err));
    MER_GUARD(copy_part(ctx, sources, n_sources, n, VALUES, sizeof(double), &rows->values, err));
    MER_GUARD(copy_part(ctx, sources, n_sources, n, CLASSES, sizeof(int32_t), &rows->classes, err));
    MER_GUARD(copy_part(ctx, sources, n_sources, n, WEIGHTS, sizeof(double), &rows->weights, err));
    rows->design.n_rows = n;
    rows->design.dense = rows->dense;
    rows->design.codes = rows->codes;
    rows->design.n_sparse = 0;
    rows->target.values = rows->values;
    rows->target.classes = rows->classes;
    rows->target.weights = rows->weights;
    return mer_ok();
}
